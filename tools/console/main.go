// Command console opens pages of the fake's console in headless Chromium, wide and narrow, with and without JavaScript, and
// fails when one is wider than the window, logs an error, or shows a text that it must not, or when the journal does not
// follow a call. It leaves screenshots.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

type options struct {
	chromium, base, out, never, call string
	pages                            []string
}

// view is a window, and how pages are shown in it.
type view struct {
	name          string
	width, height int64
	dark, scripts bool
}

var views = []view{
	{"wide", 1280, 900, false, true}, {"narrow", 400, 800, false, true},
	{"wide-dark", 1280, 900, true, true}, {"narrow-without-scripts", 400, 800, false, false},
}

func main() {
	var o options
	flag.StringVar(&o.chromium, "chromium", "", "Chromium's program")
	flag.StringVar(&o.base, "base", "", "address of the fake, http://127.0.0.1:PORT")
	flag.StringVar(&o.out, "out", "", "folder for the screenshots")
	flag.StringVar(&o.never, "never", "", "text that no page may show")
	flag.StringVar(&o.call, "call", "", "path of a call that the journal is to follow")
	flag.Parse()
	o.pages = flag.Args()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o options) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	// --no-sandbox: containers, and root, have no user namespaces. The pages are ours.
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(o.chromium), chromedp.NoSandbox)...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	var wrong []string
	for _, v := range views {
		for _, page := range o.pages {
			found, err := check(ctx, o, v, page)
			if err != nil {
				return fmt.Errorf("%s in %s: %w", page, v.name, err)
			}
			wrong = append(wrong, found...)
		}
	}
	if o.call != "" {
		if err := follow(ctx, o); err != nil {
			wrong = append(wrong, fmt.Sprintf("the journal does not follow: %v", err))
		}
	}
	fmt.Printf("%d pages in %d windows, screenshots in %s\n", len(o.pages), len(views), o.out)
	if len(wrong) > 0 {
		return fmt.Errorf("%d findings:\n  %s", len(wrong), strings.Join(wrong, "\n  "))
	}
	return nil
}

// check opens a page in a tab of its own and says what is wrong with it.
func check(ctx context.Context, o options, v view, page string) (wrong []string, err error) {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				wrong = append(wrong, fmt.Sprintf("%s in %s: the browser logs %s", page, v.name, e.Entry.Text))
			}
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				wrong = append(wrong, fmt.Sprintf("%s in %s: a script logs an error", page, v.name))
			}
		case *runtime.EventExceptionThrown:
			wrong = append(wrong, fmt.Sprintf("%s in %s: %s", page, v.name, e.ExceptionDetails.Error()))
		}
	})
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	var widest, window int
	var html string
	var picture []byte
	err = chromedp.Run(ctx,
		log.Enable(),
		emulation.SetScriptExecutionDisabled(!v.scripts),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(v.width, v.height),
		chromedp.Navigate(o.base+page),
		chromedp.Evaluate(`document.documentElement.scrollWidth`, &widest),
		chromedp.Evaluate(`window.innerWidth`, &window),
		chromedp.OuterHTML("html", &html),
		chromedp.FullScreenshot(&picture, 100),
	)
	if err != nil {
		return nil, err
	}
	if widest > window {
		wrong = append(wrong, fmt.Sprintf("%s in %s: the page is %d wide in a window of %d", page, v.name, widest, window))
	}
	if o.never != "" && strings.Contains(html, o.never) {
		wrong = append(wrong, fmt.Sprintf("%s in %s: shows what it must not", page, v.name))
	}
	if !strings.Contains(html, "<h1>") {
		wrong = append(wrong, fmt.Sprintf("%s in %s: has no heading", page, v.name))
	}
	name := strings.Trim(strings.NewReplacer("/console/", "", "?", "-", "=", "-", "/", "-", "%2F", "-").Replace(page), "-")
	if name == "" {
		name = "overview"
	}
	return wrong, os.WriteFile(filepath.Join(o.out, v.name+"-"+name+".png"), picture, 0o644)
}

// follow has the journal followed, makes a call, and waits for its row.
func follow(ctx context.Context, o options) error {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancelWait := context.WithTimeout(ctx, 30*time.Second)
	defer cancelWait()
	const newest = `Number(document.querySelector("#journal tbody td").textContent)`
	var before int
	if err := chromedp.Run(ctx, chromedp.Navigate(o.base+"/console/journal"), chromedp.Evaluate(newest, &before), chromedp.Click("#live")); err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base+o.call, nil)
	if err != nil {
		return err
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	return chromedp.Run(ctx, chromedp.Poll(fmt.Sprintf("%s > %d", newest, before), nil))
}
