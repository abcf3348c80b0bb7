// SPDX-License-Identifier: Apache-2.0

package databasesql

import "strings"

// verbs are the first words that become names. Other words might be anything.
var verbs = map[string]bool{
	"SELECT": true, "INSERT": true, "UPDATE": true, "DELETE": true, "WITH": true, "MERGE": true, "REPLACE": true, "UPSERT": true, "VALUES": true,
	"CREATE": true, "ALTER": true, "DROP": true, "TRUNCATE": true, "RENAME": true, "COMMENT": true, "GRANT": true, "REVOKE": true,
	"CALL": true, "EXEC": true, "EXECUTE": true, "DO": true, "COPY": true, "LOAD": true, "SHOW": true, "EXPLAIN": true, "DESCRIBE": true,
	"SET": true, "RESET": true, "USE": true, "PRAGMA": true, "ATTACH": true, "DETACH": true, "ANALYZE": true, "VACUUM": true, "OPTIMIZE": true, "REINDEX": true,
	"BEGIN": true, "START": true, "COMMIT": true, "ROLLBACK": true, "SAVEPOINT": true, "RELEASE": true, "LOCK": true, "UNLOCK": true,
	"LISTEN": true, "NOTIFY": true, "DECLARE": true, "FETCH": true, "CLOSE": true, "REFRESH": true,
}

// verbOf is the first word of a statement in upper case, or what is given.
func verbOf(statement, otherwise string) string {
	s := statement
	for {
		s = strings.TrimLeft(s, " \t\r\n(;")
		switch {
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			_, s, _ = strings.Cut(s, "*/")
		default:
			n := 0
			for n < len(s) && (s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
				n++
			}
			if n > len("SAVEPOINT") {
				return otherwise
			}
			if word := strings.ToUpper(s[:n]); verbs[word] {
				return word
			}
			return otherwise
		}
	}
}
