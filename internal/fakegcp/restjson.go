package fakegcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxJSONDepth is how deep a body may nest. Source: google/protobuf/util/json_util.h, the parser's recursion limit.
const maxJSONDepth = 100

// jsonKind is what a JSON value is.
type jsonKind int

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonNode is a JSON value with its members in the order in which they were written: errors count map entries by it, and a
// partial answer keeps it.
type jsonNode struct {
	kind  jsonKind
	text  string      // a string's content, or a number or boolean as written
	names []string    // of an object's members
	items []*jsonNode // an object's or an array's
}

var (
	errJSONToken = errors.New("Unexpected token.")                                        //nolint:staticcheck // Google's words
	errJSONEnd   = errors.New("Unexpected end of string. Expected a value.")              //nolint:staticcheck // Google's words
	errJSONDepth = errors.New("Message too deep. Max recursion depth reached for key ''") //nolint:staticcheck // Google's words
	errJSONExtra = errors.New("Parsing terminated before end of input.")                  //nolint:staticcheck // Google's words
)

// parseJSON reads one value. Its errors quote nothing of the body, which may be a secret; Google's do.
func parseJSON(body []byte) (*jsonNode, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	n, err := parseNode(d, 0)
	if err != nil {
		return nil, jsonError(err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return nil, errJSONExtra
	case !errors.Is(err, io.EOF):
		return nil, jsonError(err)
	}
	return n, nil
}

func jsonError(err error) error {
	switch {
	case errors.Is(err, errJSONDepth):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errJSONEnd
	default:
		return errJSONToken
	}
}

func parseNode(d *json.Decoder, depth int) (*jsonNode, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case json.Delim:
		if depth == maxJSONDepth {
			return nil, errJSONDepth
		}
		return parseMembers(d, v, depth+1)
	case string:
		return &jsonNode{kind: jsonString, text: v}, nil
	case json.Number:
		return &jsonNode{kind: jsonNumber, text: v.String()}, nil
	case bool:
		if v {
			return &jsonNode{kind: jsonBool, text: "true"}, nil
		}
		return &jsonNode{kind: jsonBool, text: "false"}, nil
	default:
		return &jsonNode{kind: jsonNull}, nil
	}
}

// parseMembers reads up to the end of an object or an array.
func parseMembers(d *json.Decoder, opening json.Delim, depth int) (*jsonNode, error) {
	n := &jsonNode{kind: jsonArray}
	if opening == '{' {
		n.kind = jsonObject
	}
	for d.More() {
		if n.kind == jsonObject {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			text, ok := name.(string)
			if !ok {
				return nil, errJSONToken
			}
			n.names = append(n.names, text)
		}
		item, err := parseNode(d, depth)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token() // the closing bracket
	return n, err
}

// append writes the value as compact JSON.
func (n *jsonNode) append(to []byte) []byte {
	switch n.kind {
	case jsonNull:
		return append(to, "null"...)
	case jsonBool, jsonNumber:
		return append(to, n.text...)
	case jsonString:
		return appendJSONString(to, n.text)
	default:
		return n.appendMembers(to)
	}
}

func (n *jsonNode) appendMembers(to []byte) []byte {
	opening, closing := byte('['), byte(']')
	if n.kind == jsonObject {
		opening, closing = '{', '}'
	}
	to = append(to, opening)
	for i, item := range n.items {
		if i > 0 {
			to = append(to, ',')
		}
		if n.kind == jsonObject {
			to = append(appendJSONString(to, n.names[i]), ':')
		}
		to = item.append(to)
	}
	return append(to, closing)
}

func appendJSONString(to []byte, s string) []byte {
	b := bytes.NewBuffer(to)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false) // as protojson has it
	if e.Encode(s) != nil {
		return append(to, `""`...) // not reached: a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// quoted is the value as an error shows it: a string in quotes, a number bare, nothing of what has members.
func (n *jsonNode) quoted() string {
	if n.kind == jsonArray || n.kind == jsonObject {
		return ""
	}
	return string(n.append(nil))
}
