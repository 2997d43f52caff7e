// The sessions of a user: their list, its limit, and the end of any of them, from docs/wire-format.md.

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// For so long a listed session that is not stored may be that of a login which is still running.
const loginTime = 10_000

// By so many ms a place on a list may be younger than the state of its session: two clocks.
const storedTime = 500

// Device is a session of a user. Times are in ms since 1970, 0 if they are not known. The handle gives no access.
type Device struct {
	ID, Handle, Label                         string
	Created, Authenticated, LastUsed, Expires int64
}

// Login says whose session it is, and how many the user may have (0: any number). Beyond that the oldest ends, or,
// with Refuse, the login is refused.
type Login struct {
	User, Label string
	Limit       int
	Refuse      bool
}

// Login makes the session the user's, under a new id. False if the limit refuses that. Call it before Save.
func (s *Session) Login(login Login) (bool, error) {
	if s.ended {
		return false, errEnded
	}
	if s.lock != nil && s.lock.id != s.came { // once more in this request: it has its new id
		return s.lock.bind(login)
	}
	if s.lock == nil && !s.destroyed {
		if err := s.refused(); err != nil {
			return false, err
		}
	}
	lock, err := s.its.Lock(random(), "new")
	if err != nil {
		return false, err
	}
	if s.lock != nil {
		lock.inherit(s.lock)
	}
	bound, err := lock.bind(login)
	if err != nil || !bound {
		lock.Release("none", nil)
		return false, err
	}
	if s.lock != nil {
		lock.data, s.left = s.lock.data, s.lock
	}
	s.lock, s.changed = lock, true
	return true, nil
}

// Continues the session that is locked under another id. Without its state, each login would begin a new lifetime.
func (l *Lock) inherit(other *Lock) {
	fields := other.fields()
	l.read = other.read
	if fields == nil {
		return
	}
	fields[5] = stamp()
	l.fresh = strings.Join(fields, "|")
	if fields[7] != "" {
		l.earlier = other.id
	}
}

func (l *Lock) bind(login Login) (bool, error) {
	s, list, now := l.its, listName(login.User), stamp()
	fields := l.fields()
	if fields == nil {
		fields = []string{"live", now, "", "", "", now, "", "", ""}
	}
	known := fields[7] == list
	if !known { // the end counts from the login, and pages with another lifetime change nothing
		if fields[4] != "" {
			begun := later(number(fields[1]), number(fields[2]))
			fields[4] = strconv.FormatInt(number(now)+number(fields[4])-begun, 10)
		}
		fields[2] = now
		if fields[3] == "" {
			fields[3] = strconv.FormatInt(s.seconds(), 10)
		}
	}
	label := strings.Map(func(char rune) rune {
		if char < ' ' || char == 0x7f {
			return ' '
		}
		return char
	}, login.Label)
	if len(label) > 512 {
		label = strings.ToValidUTF8(label[:512], "")
	}
	fields[5], fields[7], fields[8] = now, list, label
	onLimit := "oldest"
	if login.Refuse {
		onLimit = "refuse"
	}
	// The earlier id lives until this one is stored, and a revocation must find it.
	life := s.life(fields)
	bind := func(fate string) (listed, error) {
		age := "" // another session may have been ended under that id before this one was read
		if !known {
			age = strconv.FormatInt(time.Since(l.read).Milliseconds(), 10)
		}
		return s.listed(list, "bind", l.id, life, l.earlier, login.Limit, fate, 1, age)
	}
	first := onLimit
	if login.Limit > 1 {
		first = "refuse"
	}
	answer, err := bind(first)
	if err == nil && answer.full { // before one is ended for it, those go that do not count
		var weeded bool
		if weeded, err = s.weed(list, answer); err == nil && (weeded || !login.Refuse) {
			answer, err = bind(onLimit)
		}
	}
	if err != nil || answer.full {
		return false, err
	}
	if answer.victims[l.id] {
		return false, fmt.Errorf("%w: another request has ended it meanwhile, by the limit of a login or a revocation",
			ErrNotSaved)
	}
	l.fresh, l.bound = strings.Join(fields, "|"), time.Now()
	l.places[list] = fmt.Sprintf("%d|%d", answer.now, answer.now+life)
	return true, nil
}

// Takes the places on lists away that a login has got which is not stored.
func (l *Lock) giveUpPlaces() {
	for list, value := range l.places {
		l.its.forget(list, place{id: l.id, value: value})
	}
}

// The fields of the state, or nil if there is none of this session: that of an earlier one may be there.
func (l *Lock) fields() []string {
	state := l.fresh
	if state == "" && l.data != nil {
		state = l.state
	}
	return liveFields(state)
}

func liveFields(state string) []string {
	if fields := strings.SplitN(state, "|", 9); len(fields) == 9 && fields[0] == "live" {
		return fields
	}
	return nil
}

// The idle lifetime in seconds.
func (s *Sessions) idle(fields []string) int64 {
	if fields[3] != "" {
		return number(fields[3])
	}
	return s.seconds()
}

// The ms that a state lives: two idle lifetimes, or one after the absolute end.
func (s *Sessions) life(fields []string) int64 {
	idle := s.idle(fields) * 1000
	if fields[4] == "" {
		return 2 * idle
	}
	return idle + later(0, number(fields[4])-number(stamp()))
}

// Returns true if the session was not put on the list of its user for half an idle lifetime.
func (s *Sessions) isStale(fields []string) bool {
	age := number(stamp()) - number(fields[5])
	return later(age, -age) > s.idle(fields)*500
}

// Keeps a session on the list of its user that is used, and perhaps never saved. If that fails, the next use does it.
func (s *Sessions) stayListed(id, state string) {
	if fields := liveFields(state); fields != nil && fields[7] != "" && s.isStale(fields) {
		s.changeList(fields[7], "bump", id, s.life(fields), "")
	}
}

// Renews its place on the list of its user. True if a limit has chosen it meanwhile.
func (l *Lock) bump() (bool, error) {
	fields := l.fields()
	reply, err := l.its.changeList(fields[7], "bump", l.id, l.its.life(fields), l.earlier, "", "", 1)
	return len(reply) > 3, err
}

// The state to store with a write, so that the session stays on the list of its user.
func (l *Lock) renewed() string {
	if l.fresh == "" && l.data == nil && liveFields(l.state) != nil {
		now := stamp() // a session under this id has expired, and its state, with its user, is still there
		l.fresh = strings.Join([]string{"live", now, "", "", "", now, "", "", ""}, "|")
	}
	fields := l.fields()
	if fields == nil || fields[7] == "" {
		return l.fresh
	}
	if l.fresh != "" || l.its.isStale(fields) {
		fields[5] = stamp()
		l.fresh = strings.Join(fields, "|")
	}
	return l.fresh
}

// Keeps the list up to date after a release.
func (l *Lock) follow(op, state string) error {
	fields := l.fields()
	switch {
	case fields == nil || fields[7] == "":
		return nil
	case op == "logout", op == "retire":
		if _, err := l.its.changeList(fields[7], "drop", l.id); err != nil {
			return err
		}
	case state != "" && op != "none":
		if _, err := l.bump(); err != nil {
			return err
		}
	}
	for list := range l.places { // of a user who has logged in before this one
		if list == fields[7] {
			continue
		}
		if _, err := l.its.changeList(list, "drop", l.id); err != nil {
			return err
		}
	}
	return nil
}

// Devices are the sessions of a user, the last used first.
func (s *Sessions) Devices(user string) ([]Device, error) {
	list := listName(user)
	answer, err := s.listed(list, "list", "")
	if err != nil {
		return nil, err
	}
	var found []Device
	var dead []place
	for _, one := range answer.others {
		fate, fields, ttl, err := s.fate(list, one, answer)
		if err != nil {
			return nil, err
		}
		switch fate {
		case lives:
			device := Device{ID: one.id, Handle: handle(one.id), Label: fields[8], Created: number(fields[1]),
				Authenticated: number(fields[2]), LastUsed: one.bumped}
			if ttl >= 0 {
				device.Expires = answer.now + ttl
				device.LastUsed = later(one.bumped, device.Expires-s.idle(fields)*1000)
			}
			found = append(found, device)
		case gone: // one that is missing may only be late at this server
			dead = append(dead, one)
		}
	}
	err = s.forget(list, dead...)
	sort.SliceStable(found, func(i, j int) bool { return found[i].LastUsed > found[j].LastUsed })
	return found, err
}

// Revoke ends the sessions of a user: all, or that with the handle only, or all but that of this request, also between
// Login and Save, when it has two ids. It returns their number.
func (s *Session) Revoke(user, only string, othersOnly bool) (int, error) {
	if !othersOnly {
		return s.its.Revoke(user, only)
	}
	return s.its.Revoke(user, only, s.came, s.ID())
}

// Revoke ends the sessions of a user: all, that with the handle only, or all but the ids but. It returns their number.
func (s *Sessions) Revoke(user, only string, but ...string) (int, error) {
	list, done, spared, count := listName(user), map[string]bool{}, map[string]bool{}, 0
	for _, id := range but {
		spared[id] = id != ""
	}
	for { // one that has got another id meanwhile is there the next time
		answer, err := s.listed(list, "list", "")
		if err != nil {
			return count, err
		}
		var meant []place
		for _, one := range answer.others {
			if done[one.id] || spared[one.id] || only != "" && !one.has(only) {
				continue
			}
			if len(but) > 0 {
				before, err := s.copyOf(one.id)
				if err != nil {
					return count, err
				}
				if spared[before] || spared[one.earlier()] {
					continue
				}
			}
			meant = append(meant, one)
			done[one.id] = true
		}
		if len(meant) == 0 {
			return count, nil
		}
		ended, err := s.end(list, meant, answer.now, "revoked", "del")
		count += ended
		if err != nil {
			return count, err
		}
	}
}

// The id that this session had before, if PHP has left a copy there for late requests.
func (s *Sessions) copyOf(id string) (string, error) {
	state, err := redis.String(s.once(func(conn redis.Conn) (any, error) { return conn.Do("GET", s.Prefix+id+"_STATE") }))
	if fields := liveFields(state); err == nil && fields != nil {
		_, before, _ := strings.Cut(fields[6], ":")
		return before, nil
	}
	if err == redis.ErrNil {
		err = nil
	}
	return "", err
}

type place struct {
	id, value string // the value that it has on the list
	bumped    int64
}

// Returns true if it may be that of a login which is still running. The clock of Redis may have been set back.
func (p place) young(now int64) bool {
	return later(now-p.bumped, p.bumped-now) < loginTime
}

// The id that it had before: it may be on its way to its new one. "" is none.
func (p place) earlier() string {
	if fields := strings.SplitN(p.value, "|", 3); len(fields) == 3 {
		return fields[2]
	}
	return ""
}

// Returns true if the handle is that of its id, or of the one before.
func (p place) has(name string) bool {
	return handle(p.id) == name || p.earlier() != "" && handle(p.earlier()) == name
}

type listed struct {
	full    bool
	now     int64
	others  []place
	victims map[string]bool
}

// What user.lua answers. The victims of a limit are ended at once.
func (s *Sessions) listed(list, op string, arguments ...any) (listed, error) {
	reply, err := s.changeList(list, op, arguments...)
	if err != nil {
		return listed{}, err
	}
	word, _ := redis.String(reply[0], nil)
	answer := listed{full: word == "full", victims: map[string]bool{}}
	answer.now, _ = redis.Int64(reply[2], nil)
	texts, err := redis.Strings(reply[3:], nil)
	if err != nil && err != redis.ErrNil {
		return answer, err
	}
	var victims []place
	for i := 0; i+1 < len(texts); i += 2 {
		bumped, _, _ := strings.Cut(strings.TrimPrefix(texts[i+1], "-"), "|")
		if one := (place{texts[i], texts[i+1], number(bumped)}); strings.HasPrefix(texts[i+1], "-") {
			victims, answer.victims[one.id] = append(victims, one), true
		} else {
			answer.others = append(answer.others, one)
		}
	}
	_, err = s.end(list, victims, answer.now, "limit", "del")
	return answer, err
}

func (s *Sessions) changeList(list, op string, arguments ...any) ([]any, error) {
	text := random()
	reply, err := redis.Values(s.once(func(conn redis.Conn) (any, error) {
		return s.scripts["user"].Do(conn, redis.Args{}.Add(s.Prefix+"USER:"+list, op, text).Add(arguments...)...)
	}))
	if err != nil {
		return nil, err
	}
	if len(reply) < 3 {
		return nil, errors.New("an answer to another request")
	}
	if echo, _ := redis.String(reply[1], nil); echo != text {
		s.stale.Store(time.Now().UnixNano())
		return nil, errors.New("an answer to another request")
	}
	return reply, nil
}

// Ends sessions of a list, whichever request has them, and takes them off it. It returns how many it has ended.
func (s *Sessions) end(list string, those []place, now int64, reason, op string) (int, error) {
	off, over, stale := redis.Args{}, 0, []place{}
	for _, one := range those {
		key, mark, word, op := s.Prefix+one.id, random(), "", op
		if op == "del" && !one.young(now) { // it ends no session of nobody
			op = "weed"
		}
		reply, err := redis.Values(s.once(func(conn redis.Conn) (any, error) {
			return s.scripts["end"].Do(conn, key, key+"_STATE", key+"_LOCK",
				op, list, 1, "", mark, s.MaxHold.Milliseconds(), reason)
		}))
		if err == nil {
			word, err = s.withoutCopy(reply)
		}
		if err != nil {
			return over, err
		}
		if word != "dead" {
			off = off.Add(one.id, one.value)
		} else if op != "sweep" && !one.young(now) { // another user has it, or none; before, a login of this one may still be running
			stale = append(stale, one)
		}
		if word == "ok" {
			over++
		}
	}
	if len(off) > 0 && list != "" {
		if _, err := s.changeList(list, "end", off...); err != nil {
			return over, err
		}
	}
	return over, s.forget(list, stale...)
}

// Takes sessions off a list, unless a login has put them there anew.
func (s *Sessions) forget(list string, those ...place) error {
	if len(those) == 0 {
		return nil
	}
	arguments := redis.Args{}
	for _, one := range those {
		arguments = arguments.Add(one.id, one.value)
	}
	_, err := s.changeList(list, "forget", arguments...)
	return err
}

// The word of a release. What a session that has ended had left under its earlier id is deleted.
func (s *Sessions) withoutCopy(reply []any) (string, error) {
	word, err := redis.String(reply[0], nil)
	if strings.HasPrefix(word, "ok:") {
		_, err = s.once(func(conn redis.Conn) (any, error) { return conn.Do("DEL", s.Prefix+word[3:]+"_OLD") })
		word = "ok"
	}
	return word, err
}

// Takes sessions off a list that do not count. It returns true if there were any.
func (s *Sessions) weed(list string, answer listed) (bool, error) {
	var absent, dead []place
	for _, one := range answer.others {
		fate, _, _, err := s.fate(list, one, answer)
		if err != nil {
			return false, err
		}
		switch fate {
		case missing:
			absent = append(absent, one)
		case gone:
			dead = append(dead, one)
		}
	}
	// A request that still has it does not store it again.
	if _, err := s.end(list, absent, answer.now, "limit", "sweep"); err != nil {
		return false, err
	}
	return len(absent)+len(dead) > 0, s.forget(list, dead...)
}

// What has become of a listed session. One that comes may be that of a login which is still running.
type fate int

const (
	lives fate = iota
	comes
	gone
	missing
)

func (s *Sessions) fate(list string, one place, answer listed) (fate, []string, int64, error) {
	key := s.Prefix + one.id
	ttl, err := redis.Int64(s.once(func(conn redis.Conn) (any, error) { return conn.Do("PTTL", key) }))
	if err != nil {
		return lives, nil, 0, err
	}
	state, err := redis.String(s.once(func(conn redis.Conn) (any, error) { return conn.Do("GET", key+"_STATE") }))
	if err != nil && err != redis.ErrNil {
		return lives, nil, 0, err
	}
	now := answer.now
	fields, mark, young := liveFields(state), strings.Split(state, "|"), one.young(now)
	switch {
	case mark[0] == "dead" && len(mark) > 2 && young && number(mark[2]) <= one.bumped:
		return comes, fields, ttl, nil // a login under an id with the mark of an earlier end
	case mark[0] == "dead" && len(mark) > 2 && mark[1] == "regenerated" &&
		later(now-number(mark[2]), number(mark[2])-now) < loginTime && !isBefore(one.id, answer.others):
		return comes, fields, ttl, nil // its next id is on its way to the list
	case mark[0] == "dead", fields != nil && fields[4] != "" && number(fields[4]) <= now:
		return gone, fields, ttl, nil
	case ttl != -2 && fields != nil && fields[7] == list:
		return lives, fields, ttl, nil
	case fields != nil && fields[7] == list && number(fields[5])+storedTime >= one.bumped: // its login was stored
		return missing, fields, ttl, nil
	case young:
		return comes, fields, ttl, nil
	case ttl == -2:
		return missing, fields, ttl, nil
	}
	return gone, fields, ttl, nil
}

// Returns true if a session on the list had this id before.
func isBefore(id string, others []place) bool {
	for _, other := range others {
		if fields := strings.Split(other.value, "|"); len(fields) > 2 && fields[2] == id {
			return true
		}
	}
	return false
}

func listName(user string) string { return digest(user)[:32] }

// A name for a session that gives no access to it.
func handle(id string) string { return digest("rustredis-handle\x00" + id)[:16] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func stamp() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func later(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}
