module github.com/spanbridge/spanbridge/compat-tests/browser

go 1.26.0

require github.com/chromedp/chromedp v0.22.1

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/spanbridge/spanbridge v0.0.0
)

replace github.com/spanbridge/spanbridge => ../..
