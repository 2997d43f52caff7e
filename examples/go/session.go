// A session that PHP's `json` serializer wrote: members by name. What is not set stays as it was, byte for byte.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

var errEnded = fmt.Errorf("%w: the session is over, or was only peeked at", ErrNotSaved)

type member struct {
	key   []byte // as JSON
	value json.RawMessage
}

// Session is a session under its lock. End it with Save or Abort.
type Session struct {
	lock      *Lock // nil: there is none yet
	left      *Lock // what a login has left
	its       *Sessions
	came      string // the id that the request brought
	since     time.Time
	state     string
	members   []member
	changed   bool
	ended     bool
	destroyed bool
	copied    bool // the members are those before a session_regenerate_id() a moment ago
}

// Open takes the lock of a session that PHP knows. Under any other id, or none, the session is empty, and Save makes
// one under an id of its own.
func (s *Sessions) Open(id string) (*Session, error) {
	since := time.Now()
	lock, err := s.Lock(id, "known")
	if errors.Is(err, ErrNoSession) {
		var found absent
		errors.As(err, &found)
		members, err := parse(found.copy)
		return &Session{its: s, came: id, since: since, state: found.state, members: members, copied: found.copy != nil}, err
	}
	if err != nil {
		return nil, err
	}
	members, err := parse(lock.data)
	if err != nil {
		lock.Release("none", nil)
		return nil, err
	}
	return &Session{lock: lock, its: s, came: id, since: since, members: members}, nil
}

// Peek reads a session without its lock. It cannot be saved.
func (s *Sessions) Peek(id string) (*Session, error) {
	data, err := s.Read(id)
	if errors.Is(err, ErrNoSession) || (err == nil && data == nil) {
		return &Session{its: s, came: id, ended: true}, nil
	}
	if err != nil {
		return nil, err
	}
	members, err := parse(data)
	return &Session{its: s, came: id, members: members, ended: true}, err
}

// ID is the session's id, or empty as long as there is no session.
func (s *Session) ID() string {
	if s.lock == nil {
		return ""
	}
	return s.lock.id
}

// Get decodes a member into a Go value. False if there is none; that is no error.
func (s *Session) Get(name string, value any) (bool, error) {
	i := s.find(name)
	if i < 0 {
		return false, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(s.members[i].value))
	decoder.UseNumber() // an any keeps 1.0 and what is over 2^53
	return true, decoder.Decode(value)
}

// Set stores a Go value under a name.
func (s *Session) Set(name string, value any) error {
	text, err := encode(value)
	if err != nil {
		return err
	}
	key, err := encode(name)
	if err != nil {
		return err
	}
	if s.ended {
		return errEnded
	}
	i := s.find(name)
	if i >= 0 && bytes.Equal(s.members[i].value, text) {
		return nil
	}
	s.changed = true
	if i >= 0 {
		s.members[i].value = text
		return nil
	}
	s.members = append(s.members, member{key, text})
	return nil
}

// Delete removes a member.
func (s *Session) Delete(name string) error {
	if s.ended {
		return errEnded
	}
	if i := s.find(name); i >= 0 {
		s.members = append(s.members[:i], s.members[i+1:]...)
		s.changed = true
	}
	return nil
}

// Save writes what changed and releases the lock. Call it before the answer is sent.
func (s *Session) Save() error {
	if s.ended {
		if s.lock == nil { // only peeked at
			return ErrNotSaved
		}
		return nil // whatever came of it has been said
	}
	if s.lock == nil {
		if !s.changed {
			return nil
		}
		if !s.destroyed { // the cookie of a new session would replace the one of a login
			if err := s.refused(); err != nil {
				return err
			}
		}
		lock, err := s.its.Lock(random(), "new")
		if err != nil {
			return err
		}
		s.lock = lock
	}
	s.ended = true
	defer func() { // unless it was retired
		if s.left != nil {
			s.left.Release("none", nil)
		}
	}()
	if !s.changed {
		return s.lock.Release("keep", nil)
	}
	old, _ := parse(s.lock.data)
	if isTag(old) || isTag(s.members) {
		s.lock.Release("none", nil)
		return errors.New("the session as a whole is a tag, or would look like one: it cannot be changed here")
	}
	var text bytes.Buffer
	text.WriteByte('{')
	for i, member := range s.members {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(member.key)
		text.WriteByte(':')
		text.Write(member.value)
	}
	text.WriteByte('}')
	if err := s.lock.Release("set", text.Bytes()); err != nil || s.left == nil {
		return err
	}
	left := s.left
	s.left = nil
	if err := left.Release("retire", nil); err != nil {
		list := s.lock.fields()[7] // it was ended from elsewhere under the old id
		s.its.end(list, []place{{id: s.lock.id}}, 0, "revoked", "del")
		if list != "" {
			s.its.changeList(list, "drop", s.lock.id)
		}
		return err
	}
	return nil
}

// An error if the session of this request goes on under another id, or was destroyed meanwhile.
func (s *Session) refused() error {
	if s.copied {
		return fmt.Errorf("%w: it was moved to a new id; under the old one it can be read and not changed", ErrNotSaved)
	}
	gone, err := s.its.wasDestroyed(s.came, s.since, s.state)
	if gone {
		return fmt.Errorf("%w: it was destroyed, or moved to a new id, while this request was under way", ErrNotSaved)
	}
	return err
}

// Destroy ends the session for everybody: a logout. For what is Set after it, Save makes a new one.
func (s *Session) Destroy() error {
	if s.ended {
		return errEnded
	}
	if s.copied {
		return s.refused()
	}
	lock, left := s.lock, s.left
	s.lock, s.left = nil, nil
	if left != nil { // by a login in this request
		if err := left.Release("logout", nil); err != nil {
			lock.Release("none", nil)
			s.ended = true
			return err
		}
		s.destroyed = true
	}
	if lock != nil {
		if err := lock.Release("logout", nil); err != nil {
			s.ended = true
			return err
		}
		s.destroyed = s.destroyed || lock.id == s.came
	}
	s.members, s.changed = nil, false
	return nil
}

// Cookie is what becomes of the visitor's: a new id, an empty one (delete it), or nil (leave it alone).
func (s *Session) cookie() *string {
	id := ""
	switch {
	case s.lock != nil && s.lock.id != s.came:
		id = s.lock.id
	case s.destroyed:
	default:
		return nil
	}
	return &id
}

// Abort releases the lock and writes nothing. After Save it does nothing, and what was destroyed stays so.
func (s *Session) Abort() {
	if !s.ended && s.lock != nil {
		s.ended = true
		s.lock.Release("none", nil)
		if s.left != nil {
			s.left.Release("none", nil)
		}
	}
}

func (s *Session) find(name string) int {
	for i, member := range s.members {
		var key string
		if json.Unmarshal(member.key, &key) == nil && key == name {
			return i
		}
	}
	return -1
}

func isTag(members []member) bool {
	if len(members) != 1 {
		return false
	}
	switch string(members[0].key) {
	case `"$bytes"`, `"$float"`, `"$map"`, `"$object"`:
		return true
	}
	return false
}

func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), readable(text.Bytes())
}

// Refuses what PHP could not read: it would keep the session aside, and the user would be logged out.
func readable(text []byte) error {
	depth := 1 // the session itself
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil { // the end: it was encoded a moment ago
			break
		}
		switch value := token.(type) {
		case json.Delim:
			if value == '[' || value == '{' {
				depth++
			} else {
				depth--
			}
			if depth > 512 {
				return fmt.Errorf("%w: more than 512 levels, which PHP could not read", ErrNotSaved)
			}
		case json.Number:
			if number, _ := strconv.ParseFloat(string(value), 64); math.IsInf(number, 0) {
				return fmt.Errorf("%w: a number is beyond 1.8e308, and PHP could not read it", ErrNotSaved)
			}
		}
	}
	if !utf8.Valid(text) || halfSurrogate(text) {
		return fmt.Errorf("%w: not UTF-8, or half a surrogate pair, which PHP could not read", ErrNotSaved)
	}
	return nil
}

// Returns true if an escape is half a surrogate pair, which only a json.Marshaler or a json.RawMessage
// can bring.
func halfSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // what is escaped is no backslash of its own
		switch unit := escaped(text, i); {
		case unit < 0xd800 || unit > 0xdfff:
		case unit < 0xdc00 && i+5 < len(text) && text[i+5] == '\\' && escaped(text, i+6)>>10 == 0xdc00>>10:
			i += 10
		default:
			return true
		}
	}
	return false
}

// The code unit of `uXXXX` at a place, or 0.
func escaped(text []byte, at int) uint64 {
	if at+5 > len(text) || text[at] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[at+1:at+5]), 16, 16)
	return unit
}

func parse(data []byte) ([]member, error) {
	if len(data) == 0 { // PHP's serializer php writes an empty session so
		return nil, nil
	}
	if bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")) || bytes.HasPrefix(data, []byte("\x04\x22\x4d\x18")) { // zstd, lz4
		return nil, errors.New("the session is compressed: set rustredis.compression=none in PHP, and let PHP write it again")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("the session is not a JSON object: is session.serialize_handler=json?")
	}
	var members []member
	places := map[string]int{}
	for decoder.More() {
		start := decoder.InputOffset()
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key := bytes.TrimLeft(data[start:decoder.InputOffset()], ", \t\r\n")
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		if place, twice := places[name.(string)]; twice { // the last one counts, as for PHP
			members[place].value = value
			continue
		}
		places[name.(string)] = len(members)
		members = append(members, member{key, value})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("the session has something behind its JSON")
	}
	return members, nil
}
