package fakegcp

import (
	"iter"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
)

// maxPage is the most that one page of a list holds, and the default, where an API says nothing else.
const maxPage = 1000

// pageLimits are how many items a page of a list holds when the request does not say, and at most.
type pageLimits struct {
	standard, most int32
}

// commonPages are the limits of the APIs that document none.
var commonPages = pageLimits{standard: maxPage, most: maxPage}

// window is the part of a list that a request asks for; the token is the index at which it begins.
func (l pageLimits) window(size int32, token string) (start, end int, err error) {
	if token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 {
			return 0, 0, invalid("Invalid page token.")
		}
	}
	switch {
	case size < 0:
		return 0, 0, invalid("Page size must not be negative.")
	case size == 0:
		size = l.standard
	}
	return start, start + int(min(size, l.most)), nil
}

// page cuts a list for a request; the token is the index at which the next page begins.
func page[T any](all []T, size int32, token string) (items []T, next string, err error) {
	return pageOf(all, commonPages, size, token)
}

// pageOf is page with an API's own limits.
func pageOf[T any](all []T, limits pageLimits, size int32, token string) (items []T, next string, err error) {
	items, next, _, err = cut(slices.Values(all), limits, size, token)
	return items, next, err
}

// copiedPage is a page of copies, and the number of items on all pages.
func copiedPage[T proto.Message](all iter.Seq[T], limits pageLimits, size int32, token string) (items []T, next string, total int32, err error) {
	items, next, total, err = cut(all, limits, size, token)
	for i, m := range items {
		items[i] = proto.CloneOf(m)
	}
	return items, next, total, err
}

// cut takes a page out of a sequence and counts the whole of it. Its items are those of the sequence: stored messages may be
// sent, and not changed.
func cut[T any](all iter.Seq[T], limits pageLimits, size int32, token string) (items []T, next string, total int32, err error) {
	start, end, err := limits.window(size, token)
	if err != nil {
		return nil, "", 0, err
	}
	count := 0
	for m := range all {
		if count >= start && count < end {
			items = append(items, m)
		}
		count++
	}
	if start > count {
		return nil, "", 0, invalid("Invalid page token.")
	}
	if end < count {
		next = strconv.Itoa(end)
	}
	return items, next, int32(count), nil
}
