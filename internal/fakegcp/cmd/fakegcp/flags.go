package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// defaultJournalSize keeps a fake that runs for weeks within some tens of megabytes.
const defaultJournalSize = 100_000

// parse reads the command line.
func parse(args []string, stderr io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("fakegcp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage) // nobody is left to tell if this fails
		flags.PrintDefaults()
	}
	set.serverFlags(flags)
	var control controlInputs
	control.troubleFlags(flags)
	control.settingFlags(flags)
	if len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		flags.Usage()
		return set, flag.ErrHelp
	}
	if len(args) == 0 || args[0] != "serve" && args[0] != "run" {
		return set, errors.New("the commands are: fakegcp serve, fakegcp run, fakegcp version; fakegcp --help tells more")
	}
	rest, command := cutCommand(args[1:])
	if err := flags.Parse(rest); err != nil {
		return set, err
	}
	if flags.NArg() > 0 {
		return set, fmt.Errorf("unexpected argument %q; flags only, see fakegcp --help", flags.Arg(0))
	}
	set.command, set.fake.Control = command, control
	return set, set.check(args[0])
}

// check refuses what does not go with a subcommand.
func (set *settings) check(subcommand string) error {
	switch {
	case subcommand == "run" && len(set.command) == 0:
		return errors.New("run: name the command after --, for example: fakegcp run -- terraform test")
	case subcommand == "serve" && len(set.command) > 0:
		return errors.New("serve takes no command: use fakegcp run")
	case subcommand == "serve" && set.expectEmpty:
		return errors.New("--expect-empty goes with fakegcp run")
	}
	return nil
}

// serverFlags are those of the server itself.
func (set *settings) serverFlags(flags *flag.FlagSet) {
	o := &set.fake
	flags.StringVar(&o.Listen, "listen", fakegcp.DefaultListen, "loopback `address` to listen on; port 0 takes a free one")
	flags.StringVar(&o.Project, "project", fakegcp.DefaultProject, "`id` of the project that exists")
	flags.StringVar(&o.ProjectNumber, "project-number", fakegcp.DefaultProjectNumber, "its `number`")
	flags.StringVar(&set.addrFile, "addr-file", "", "`file` that gets 127.0.0.1:PORT, atomically, once the fake is ready")
	flags.DurationVar(&o.OperationTime, "operation-time", fakegcp.DefaultOperationTime, "`duration` that an operation runs")
	flags.DurationVar(&o.PropagationDelay, "propagation-delay", 0, "`duration` until a change of an IAM policy is effective")
	flags.StringVar(&o.KubernetesBin, "kubernetes-bin", "", "`directory` with kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok; without it they are built on first use where Go and the source are there, else clusters have no endpoint that answers")
	flags.StringVar(&o.ReadOnlyToken, "read-only-token", "", "bearer `token` whose caller may read everything but secret payloads and change nothing")
	flags.IntVar(&o.JournalSize, "journal-size", defaultJournalSize, "`number` of calls that the journal keeps, 0 for all")
	flags.StringVar(&o.StateFile, "state", "", "`file` in which everything survives a restart, payloads of secrets included; without it nothing is kept")
	flags.Func("now", "`time`, in RFC 3339, that the virtual clock says at the start", func(text string) (err error) {
		o.Now, err = time.Parse(time.RFC3339Nano, text)
		return err
	})
	flags.BoolVar(&set.expectEmpty, "expect-empty", false, "run: fail when the command leaves objects behind")
}

// controlInputs collects what flags have the control API do at the start.
type controlInputs []fakegcp.ControlInput

func (c *controlInputs) add(name string, input any) error {
	encoded, err := json.Marshal(input)
	*c = append(*c, fakegcp.ControlInput{Name: name, Input: encoded})
	return err
}

// raw takes the JSON of a POST as it is.
func (c *controlInputs) raw(name string) func(string) error {
	return func(text string) error { return c.add(name, json.RawMessage(text)) }
}

// troubleFlags stand for a POST of the control API each that makes trouble; they may be given again and again.
func (c *controlInputs) troubleFlags(flags *flag.FlagSet) {
	flags.Func("fault", "fault to inject, as the `JSON` of POST /_fake/faults; repeatable", c.raw("faults"))
	flags.Func("operation", "how operations go, as the `JSON` of POST /_fake/operations; repeatable", c.raw("operations"))
	flags.Func("image", "what an image's containers do, `REF=BEHAVIOUR`: missing, crash, neverReady, slow or exit:N; repeatable", func(text string) error {
		ref, behaviour, err := cutLast(text, "REF=BEHAVIOUR")
		return errors.Join(err, c.add("images", map[string]string{"image": ref, "behaviour": behaviour}))
	})
	flags.Func("latency", "how late calls are answered, `METHOD=DURATION`, METHOD being part of a name or empty; repeatable", func(text string) error {
		method, duration, err := cutLast(text, "METHOD=DURATION")
		return errors.Join(err, c.add("latency", map[string]string{"method": method, "duration": duration}))
	})
	flags.Func("stockout", "`zone` that has no machines left; repeatable", func(zone string) error {
		return c.add("stockout", map[string]any{"zone": zone, "on": true})
	})
	flags.Func("clock-speed", "at what `multiple` of real time the virtual clock runs, 0 to stop it", func(text string) error {
		speed, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return err
		}
		return c.add("clock", map[string]float64{"speed": speed})
	})
}

// settingFlags are those for what a project allows and for everything else.
func (c *controlInputs) settingFlags(flags *flag.FlagSet) {
	flags.Func("deny", "`PERMISSION[=PRINCIPAL]` that is denied, to everyone if there is no principal; repeatable", func(text string) error {
		permission, principal, _ := strings.Cut(text, "=")
		return c.add("permissions", map[string]any{"permission": permission, "principal": principal, "denied": true})
	})
	flags.Func("disable-api", "`name` of an API that is not enabled, such as run.googleapis.com; repeatable", func(name string) error {
		return c.add("apis", map[string]any{"api": name, "enabled": false})
	})
	flags.Func("extra-project", "another project that exists, `ID=NUMBER`; repeatable", func(text string) error {
		id, number, err := cutLast(text, "ID=NUMBER")
		return errors.Join(err, c.add("projects", map[string]string{"id": id, "number": number}))
	})
	flags.Func("control", "JSON `file` with lists of such inputs by route: {\"images\": [{…}], \"faults\": [{…}]}; repeatable", func(name string) error {
		all, err := readControl(name)
		*c = append(*c, all...)
		return err
	})
}

// cutLast cuts at the last "=", as references of images may have others.
func cutLast(text, form string) (before, after string, err error) {
	i := strings.LastIndexByte(text, '=')
	if i < 0 {
		return "", "", fmt.Errorf("want %s", form)
	}
	return text[:i], text[i+1:], nil
}

// readControl reads a file with inputs by route, projects first, as others may be about them.
func readControl(name string) ([]fakegcp.ControlInput, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var lists map[string][]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(content))
	if err := dec.Decode(&lists); err != nil {
		return nil, fmt.Errorf("%s: want lists of inputs by route, such as {\"images\": [{…}]}: %w", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more after the object", name)
	}
	var all []fakegcp.ControlInput
	routes := slices.SortedFunc(maps.Keys(lists), func(a, b string) int {
		if (a == "projects") != (b == "projects") {
			return map[bool]int{true: -1, false: 1}[a == "projects"]
		}
		return strings.Compare(a, b)
	})
	for _, route := range routes {
		for _, input := range lists[route] {
			all = append(all, fakegcp.ControlInput{Name: route, Input: input})
		}
	}
	return all, nil
}
