// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Config is all settings. The tags doc are the text of docs/config.md.
type Config struct {
	Receivers map[string]*Receiver `yaml:"receivers" doc:"The ways in, by name. Every one is there without being named, at the address of the table below."`
	Security  Security             `yaml:"security" doc:"Who may use the receivers. Secrets are best in files, or in variables such as BRIDGE_SECURITY_AUTH_TOKEN; they are never printed."`
	Tenant    Tenant               `yaml:"tenant" doc:"Whose spans they are, where several tenants use one gateway: kept with every message in the queue, and named to targets that ask for it (targets.NAME.tenant_header)."`
	Limits    Limits               `yaml:"limits" doc:"What a client may send."`
	Targets   map[string]*Target   `yaml:"targets" doc:"The ways out: any number, under names of your own. Each gets every span, at its own pace."`
	View      View                 `yaml:"view" doc:"The built-in view: recent traces in memory, Zipkin's query API and a page, at the address of the receiver zipkin."`
	Queue     Queue                `yaml:"queue" doc:"The log between receivers and targets. With a directory it is on disk: a client is answered when what it sent is there, and after a crash every target goes on where it was. Without one it lives in memory: what it holds when the process is killed is lost."`
	Rename    Rename               `yaml:"rename" doc:"Other names for services and instances, given to every span on its way in: into the view and to all targets. Zipkin's clients write services in lower case and SkyWalking's agents do not, so that one service is two until it is named here. A name is looked up once; what comes of it is not looked up again. Hosts in addresses stay."`
	Sampling  Sampling             `yaml:"sampling" doc:"How many traces are kept: what Jaeger clients are told when they ask, and what the gateway itself leaves out."`
	Admin     Admin                `yaml:"admin" doc:"Metrics, health and profiles. Keep it where only you can reach it."`
	Log       Log                  `yaml:"log" doc:"The gateway's own log, on standard error. A message is written ten times in a minute at most; how many more there were stands in a later line, as repeated."`
	Shutdown  Shutdown             `yaml:"shutdown" doc:"The end of the process, on SIGTERM or SIGINT."`
}

// Receiver is a port to receive at.
type Receiver struct {
	Enabled        bool      `yaml:"enabled" doc:"false leaves the port closed."`
	Listen         string    `yaml:"listen" doc:"Address and port. Without an address (\":9411\") every interface is listened at. Where other machines reach it, the receiver needs auth or mTLS, or the word that everybody may use it: allow_anonymous."`
	AllowAnonymous bool      `yaml:"allow_anonymous" doc:"true: whoever reaches the port may use it, without a token or a user. Agents by UDP cannot have one."`
	TLS            ListenTLS `yaml:"tls" doc:"TLS of the port, instead of security.tls. Not for UDP."`
	Auth           Auth      `yaml:"auth" doc:"What clients of the port must know, instead of security.auth. It holds for all that the port serves: at the receiver zipkin also for the page and its queries. Health checks by gRPC are left open, and what agents of go2sky ask without their token. Not for UDP."`
	WhenBusy       string    `yaml:"when_busy" doc:"How clients by HTTP are refused when a queue or the memory is full. answer: 503 with Retry-After. break: the connection is broken. auto: it is broken for clients that throw away what they sent after any answer and keep it after that (zipkin-go, aiozipkin, known by their User-Agent), the others get the answer."`
	Strict         bool      `yaml:"strict" doc:"true takes nothing of a message with a malformed span, as the real Zipkin server does; false takes the good ones. The answer is the same."`
}

// Tenant is how tenants are told apart.
type Tenant struct {
	Header string `yaml:"header" doc:"The header (gRPC: metadata) by which clients name the tenant, such as X-Scope-OrgID. Not more than 150 bytes of ASCII without spaces; other values are refused (400, INVALID_ARGUMENT). Who sends none belongs to no tenant, as do datagrams. When not set, nobody asks."`
	Labels int    `yaml:"labels" doc:"How many tenants have a label of their own in bridge_tenant_spans_total; more are counted together."`
}

// Limits bound what clients send.
type Limits struct {
	Body             Size          `yaml:"body" doc:"The longest HTTP body as sent."`
	Inflated         Size          `yaml:"inflated" doc:"The longest HTTP body after decompression."`
	Message          Size          `yaml:"message" doc:"The longest gRPC message after decompression. SkyWalking's agents send up to 50MiB."`
	Spans            int           `yaml:"spans" doc:"The most spans of a message."`
	Tags             int           `yaml:"tags" doc:"The most tags, events, tags of events and references of a span. A message with more is refused whole."`
	Text             Size          `yaml:"text" doc:"The longest name, key or value of a span. A message with a longer one is refused whole."`
	Connections      int           `yaml:"connections" doc:"The most TCP connections of a receiver. One more is closed at once, since clients try again after that."`
	ConnectionsTotal int           `yaml:"connections_total" doc:"The most TCP connections of all receivers."`
	Streams          int           `yaml:"streams" doc:"The most gRPC calls of a connection at one time; more wait at the client."`
	StreamsTotal     int           `yaml:"streams_total" doc:"The most gRPC calls of all connections at one time. One more is told to come again."`
	Memory           Size          `yaml:"memory" doc:"The memory that the process may take. A third of it is for what is on its way in; when that is taken, or the queue, the windows and the view have taken two thirds, clients are told to come again (503, RESOURCE_EXHAUSTED or what the protocol's own server says). Settings that do not fit into it are made smaller at the start, which the log says. 0B: the variable GOMEMLIMIT, or three quarters of what the container or the machine has."`
	WhenFull         string        `yaml:"when_full" doc:"What happens when the memory is taken. wait: clients are kept waiting before what they send is read, and refused when there is no room in time. refuse: they are refused at once."`
	Wait             time.Duration `yaml:"wait" doc:"With when_full wait: how long clients are kept waiting for memory. 0s: as long as suits the protocol, 4s to 20s."`
	HeaderTimeout    time.Duration `yaml:"header_timeout" doc:"How long a client may take for the head of a request."`
	ReadTimeout      time.Duration `yaml:"read_timeout" doc:"How long a client may take for a whole HTTP request, and for the message of a gRPC call that brings one."`
	IdleTimeout      time.Duration `yaml:"idle_timeout" doc:"How long a connection is kept without a request or call."`
}

// Target is a backend to send to.
type Target struct {
	Kind          string            `yaml:"kind" doc:"What it is; see the table of kinds."`
	Endpoint      string            `yaml:"endpoint" doc:"Where it is: a URL for kinds by HTTP (the path of the protocol is added when there is none), host:port for kinds by gRPC, https://host:port for gRPC with TLS."`
	Enabled       bool              `yaml:"enabled" doc:"false keeps the settings and sends nothing."`
	Headers       map[string]string `yaml:"headers" doc:"Headers (gRPC: metadata) to add to every request, such as authorization."`
	TenantHeader  string            `yaml:"tenant_header" doc:"The header (gRPC: metadata) that names the tenant to the target, such as X-Scope-OrgID for Tempo. No request has spans of two tenants then; those of none go without the header, or with that of headers. Needs tenant.header. Not for kind skywalking, whose server knows no tenants."`
	Auth          Auth              `yaml:"auth" doc:"What the target is to know of the gateway: a token (authorization: Bearer TOKEN; for kind skywalking alone in authentication, as its agents send it) or a user with a password."`
	TLS           TLS               `yaml:"tls" doc:"How the target is trusted. Any setting here turns TLS on for kinds by gRPC. The files are read again when they change."`
	Gzip          bool              `yaml:"gzip" doc:"Compress what is sent by gzip, which every server knows."`
	Zstd          bool              `yaml:"zstd" doc:"Compress what is sent by zstd, which packs better at the same cost; for servers that know it, such as a Collector. Zipkin and SkyWalking do not: they refuse what they get."`
	Timeout       time.Duration     `yaml:"timeout" doc:"The longest that a request may take."`
	Connections   int               `yaml:"connections" doc:"How many requests may be on their way at once."`
	Batch         Batch             `yaml:"batch" doc:"How many spans go into a request."`
	Retry         Retry             `yaml:"retry" doc:"What happens when the target does not take a request."`
	Queue         TargetQueue       `yaml:"queue" doc:"What may wait for the target."`
	Residue       string            `yaml:"residue" doc:"What becomes of what the target's protocol has no place for. exact: it goes into one tag, bridge.x, from which a bridge restores all of it. plain: it is left out and counted. otel: it goes into the tags that OpenTelemetry's own translators read, and is else left out and counted; for a Collector, or Jaeger at its Zipkin port, which refuse a whole request for an annotation with two pipes that a Zipkin server takes."`
	UnknownCaller string            `yaml:"unknown_caller" doc:"For kind skywalking: the name of a service that stands for callers of which nothing is known, such as those that reported to another node. When not set such a call has no reference: OAP shows it as called by a user, and the trace in two parts."`
	WrapExits     bool              `yaml:"wrap_exits" doc:"For kind skywalking: true puts a local span around each outbound call of a service that is no SkyWalking agent, so that the names of its calls do not become endpoints of its own."`
	Window        Window            `yaml:"window" doc:"How long spans wait for others of their trace, for kinds that need to know each span's own id and parent: all but zipkin."`
}

// Window is how long spans wait for others of their trace.
type Window struct {
	Hold          time.Duration `yaml:"hold" doc:"How long a span waits for the span that decides who its parent is, where the two came in different messages; 0s: it never waits. Only spans of Zipkin clients whose parent may be shared wait at all."`
	Settle        time.Duration `yaml:"settle" doc:"For kind skywalking: the spans of a trace and service are written together when their first one is there and no more has come for that time; at once where all is there and the service sent no more then for a thousand traces in a row."`
	Longest       time.Duration `yaml:"longest" doc:"For kind skywalking: the longest that spans are collected for, whatever comes or is missing."`
	MaxSpans      int           `yaml:"max_spans" doc:"The most spans that wait. Beyond it those that have waited longest go on as if their time was over."`
	MaxBytes      Size          `yaml:"max_bytes" doc:"The most bytes of messages that waiting spans may keep in the queue (decoded they take up to some times as much memory); at most half of queue.max_bytes, and when not set never more than that."`
	Remember      time.Duration `yaml:"remember" doc:"How long what was decided about ids is remembered for spans that come late."`
	MaxRemembered int           `yaml:"max_remembered" doc:"The most ids that are remembered; the oldest are forgotten first."`
}

// TLS is how a target is trusted.
type TLS struct {
	CAFile             string `yaml:"ca_file" doc:"Certificates (PEM) that the target's certificate must come from; the system's when not set."`
	CertFile           string `yaml:"cert_file" doc:"The gateway's own certificate (PEM), for targets that ask for one."`
	KeyFile            string `yaml:"key_file" doc:"The key (PEM) of cert_file."`
	ServerName         string `yaml:"server_name" doc:"The name expected in the target's certificate, when it is not the host of the endpoint."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify" doc:"true takes any certificate: whoever is between can read and change what is sent."`
}

// Batch is how many spans go into a request.
type Batch struct {
	Spans  int           `yaml:"spans" doc:"The most spans of a request (the spans of one SkyWalking segment stay together)."`
	Bytes  Size          `yaml:"bytes" doc:"A request is sent when the messages in it had that many bytes as received; a resource or scope of more than 16KiB counts for each of its spans."`
	Linger time.Duration `yaml:"linger" doc:"How long the first span of a request waits for more."`
}

// Retry is what happens when a target does not take a request.
type Retry struct {
	Initial     time.Duration `yaml:"initial" doc:"The first wait; each one after it is about half as long again."`
	Max         time.Duration `yaml:"max" doc:"The longest wait."`
	GiveUpAfter time.Duration `yaml:"give_up_after" doc:"Spans are given up (and counted as expired) after that time; 0s: never, then the bound of the queue decides."`
}

// TargetQueue is what may wait for a target.
type TargetQueue struct {
	MaxBytes Size          `yaml:"max_bytes" doc:"The most bytes of messages that are held for the target; when it is not set and queue.dir is, 4GiB."`
	WhenFull string        `yaml:"when_full" doc:"wait: clients are kept waiting for room, and refused when there is none in time. refuse: they are refused at once. drop_oldest: the oldest spans that wait are dropped and counted; spans that were acknowledged are lost. docs/when-full.md says what each client makes of it. Datagrams (UDP) never wait."`
	Wait     time.Duration `yaml:"wait" doc:"With when_full wait: how long clients are kept waiting. 0s: as long as suits the protocol, 4s to 20s."`
}

// View is the built-in view.
type View struct {
	Enabled       bool `yaml:"enabled" doc:"false leaves out the view and its queries."`
	Memory        Size `yaml:"memory" doc:"How much memory recent spans may take; the oldest make room for new ones."`
	StrictTraceID bool `yaml:"strict_trace_id" doc:"true keeps a trace id of 64 bits and one of 128 bits that ends in it apart; false shows them as one trace unless two different long ones are there."`
}

// Queue is the log.
type Queue struct {
	Dir         string        `yaml:"dir" doc:"The directory of the queue, for one process; it is made if it is not there. Spans lie in it as they came, readable to whoever can read the files. When not set the queue is in memory."`
	MaxBytes    Size          `yaml:"max_bytes" doc:"The most that the queue may take on disk, whatever its targets still need: beyond it the oldest file (64MiB) goes, and the spans that a target had not got are dropped and counted, though they were acknowledged. 0B: only the bounds of the targets (targets.NAME.queue) hold."`
	MaxAge      time.Duration `yaml:"max_age" doc:"How long spans are kept on disk for a target that does not take them; older ones are dropped and counted. 0s: for ever."`
	ForgetAfter time.Duration `yaml:"forget_after" doc:"How long the queue on disk keeps what it holds for a target that is no longer configured, inside the bound that the target had. If it comes back in that time, under the same name, it goes on where it was; else the spans are dropped and counted."`
	Dead        DeadLetters   `yaml:"dead" doc:"Spans that a target refused for good, kept with its answer and the message that they came in: bridge dead list, show, retry, drop. Without queue.dir they are in memory, up to 16MiB, and end with the process."`
	Decoded     Size          `yaml:"decoded" doc:"How much memory the newest messages may take in decoded form, so that targets that keep up need not decode again, and with a queue on disk need not read it."`
}

// DeadLetters are what targets refused.
type DeadLetters struct {
	MaxBytes Size          `yaml:"max_bytes" doc:"The most bytes of dead letters; the oldest go first, counted in bridge_dead_lost_spans_total."`
	MaxAge   time.Duration `yaml:"max_age" doc:"How long a dead letter is kept. 0s: for ever."`
}

// Rename gives services and instances other names.
type Rename struct {
	Services   map[string]string `yaml:"services" doc:"Old names and new ones, such as {order: Order}: services that report, services that are called, and callers."`
	Instances  map[string]string `yaml:"instances" doc:"The same for instances: those of SkyWalking, and service.instance.id of OpenTelemetry."`
	IgnoreCase bool              `yaml:"ignore_case" doc:"true finds an old name in whatever case it is written."`
}

// Sampling says how many traces are kept.
type Sampling struct {
	Gateway        float64 `yaml:"gateway" doc:"The share of traces that the gateway keeps, such as 0.1. Which ones follows from the trace id alone, so that every gateway keeps the same; spans with the debug flag are always kept. What is left out is counted in bridge_sampled_out_spans_total."`
	StrategiesFile string  `yaml:"strategies_file" doc:"A file in Jaeger's format of sampling strategies. It is read again when it changes. Without one every service is told to sample 1 trace in 1000, as Jaeger does."`
}

// Admin is the port for operators.
type Admin struct {
	Enabled bool      `yaml:"enabled" doc:"false leaves the port closed."`
	Listen  string    `yaml:"listen" doc:"Address and port of /status, /metrics, /healthz, /readyz and /debug/pprof; on loopback, unless public is true."`
	Public  bool      `yaml:"public" doc:"true lets the port listen at an address that other machines reach; it needs auth or tls.client_ca_file then."`
	TLS     ListenTLS `yaml:"tls" doc:"TLS of the port."`
	Auth    Auth      `yaml:"auth" doc:"What whoever asks must know. /healthz and /readyz are left open."`
}

// Log is the gateway's own log.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

// Shutdown is the end of the process.
type Shutdown struct {
	Drain time.Duration `yaml:"drain" doc:"How long the process may take to end: clients get up to half of it for what they are sending, the targets the rest for what is still in the queue."`
}
