// The lock and the keys of PHP's sessions, from docs/wire-format.md.

package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gomodule/redigo/redis"
)

// Milliseconds. The first three are those of the scripts.
const handoff, slack, foreign, recheck = 1000, 5, 10, 5000

// The time for which a release is repeated, and the time for which Redis knows a repeat (ms).
const repeat, receipt = 10 * time.Second, 20_000

// For so long a browser may still come with the old id after a login, as in PHP.
const moved = 10 * time.Second

// ErrNoSession says that PHP has no session under this id.
var ErrNoSession = errors.New("no such session")

// The same, with the state before we waited: perhaps the mark of an earlier session's end.
type absent struct {
	state string
	copy  []byte // the value before a session_regenerate_id() a moment ago, which can be read and not changed
}

func (absent) Error() string { return ErrNoSession.Error() }
func (absent) Unwrap() error { return ErrNoSession }

// ErrBusy says that it was not our turn in time.
var ErrBusy = errors.New("the session is busy")

// ErrNotSaved says that nothing was written.
var ErrNotSaved = errors.New("the session was not saved")

var validID = regexp.MustCompile(`^[A-Za-z0-9,-]{1,256}$`)

// Sessions are the sessions of one Redis. The times are PHP's: rustredis.lock_wait and so on.
type Sessions struct {
	Prefix               string
	TTL                  time.Duration // session.gc_maxlifetime
	Wait, Lease, MaxHold time.Duration
	MaxWaiters, Mixed    int
	Cookie               http.Cookie // its name and attributes: session.name, session.cookie_*
	pool                 *redis.Pool
	stale                atomic.Int64 // connections that were last used before this are dead, or their server is
	scripts              map[string]*redis.Script
	unanswered           []*Lock // of requests without an answer: a server that hung grants them later
	guard                sync.Mutex
}

var urlForm = regexp.MustCompile(`^rediss?://([^/?#]*@)?[^/?#@]*(/\d*)?(\?[^#@]*)?$`)

// New connects to the Redis of a URL when needed. The folder is the one with the .lua files of the extension.
func New(url, folder string) (*Sessions, error) {
	// The errors of net/url and redigo quote a URL, with a piece of the password.
	if _, err := neturl.Parse(url); err != nil || !urlForm.MatchString(url) {
		return nil, errors.New("the URL of Redis cannot be read: redis://user:password@host:port/0, " +
			"special characters percent-encoded")
	}
	s := &Sessions{Prefix: "PHPREDIS_SESSION:", TTL: 1440 * time.Second, Wait: 10 * time.Second, MaxWaiters: 12,
		Lease: 10 * time.Second, MaxHold: 300 * time.Second, scripts: map[string]*redis.Script{},
		Cookie: http.Cookie{Name: "PHPSESSID", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	for name, file := range map[string]struct {
		name string
		keys int
	}{"acquire": {"acquire", 5}, "claim": {"claim", 3}, "renew": {"renew", 2}, "release": {"release", 6},
		"retire": {"release", 7}, "read": {"read", 2}, "end": {"write", 3}, "user": {"user", 1}} {
		text, err := os.ReadFile(filepath.Join(folder, file.name+".lua"))
		if err != nil {
			return nil, err
		}
		s.scripts[name] = redis.NewScript(file.keys, string(text))
	}
	dial := func(network, address string) (net.Conn, error) {
		conn, err := net.DialTimeout(network, address, 2*time.Second)
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0) // closed by a reset: what is still on its way is not carried out later
		}
		return conn, err
	}
	s.pool = &redis.Pool{MaxIdle: 16, IdleTimeout: time.Minute, Dial: func() (redis.Conn, error) {
		return redis.DialURL(url, redis.DialNetDial(dial), redis.DialReadTimeout(5*time.Second),
			redis.DialWriteTimeout(5*time.Second))
	}, TestOnBorrow: func(_ redis.Conn, used time.Time) error {
		if used.UnixNano() <= s.stale.Load() {
			return errors.New("stale")
		}
		return nil
	}}
	return s, nil
}

// Calls with a connection. Says whether what went wrong may be gone at the next try, which has a fresh connection.
func (s *Sessions) call(ask func(redis.Conn) (any, error)) (reply any, again bool, err error) {
	conn := s.pool.Get()
	reply, err = ask(conn)
	conn.Close()
	var refused redis.Error
	if err == nil || err == redis.ErrNil {
		return reply, false, err
	}
	if errors.As(err, &refused) {
		// Redis quotes an unknown command, such as a renamed one, with its key, which has the id.
		if text, _, quotes := strings.Cut(string(refused), ", with args beginning with"); quotes {
			err = redis.Error(text)
		}
		again = passing.MatchString(string(refused))
	} else {
		again = !errors.Is(err, ErrBusy) && !errors.Is(err, ErrNoSession)
	}
	if again { // the other idle ones may be just as dead, or lead to what is no master any more
		s.stale.Store(time.Now().UnixNano())
	}
	return reply, again, err
}

// An answer that may be asked for twice.
func (s *Sessions) once(ask func(redis.Conn) (any, error)) (any, error) {
	reply, again, err := s.call(ask)
	if again {
		reply, _, err = s.call(ask)
	}
	return reply, err
}

// Lock is a session that is ours: nobody else writes it.
type Lock struct {
	its                    *Sessions
	id, key, waiter, token string
	state                  string
	before                 *string           // the state that was there before we waited; nil: nothing was said yet
	data                   []byte            // nil: there is none
	fresh, earlier         string            // the state to store, and the id that the session had before
	places                 map[string]string // what it has on lists until it is stored
	bound, read            time.Time         // when it got them, and when it was read, perhaps under its earlier id
	queued                 bool
	stop                   chan struct{} // closed to end the renewal
}

func random() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return hex.EncodeToString(bytes)
}

// Read is the value without the lock, or nil.
func (s *Sessions) Read(id string) ([]byte, error) {
	if !validID.MatchString(id) {
		return nil, ErrNoSession
	}
	reply, err := redis.Values(s.once(func(conn redis.Conn) (any, error) {
		return s.scripts["read"].Do(conn, s.Prefix+id, s.Prefix+id+"_STATE", s.seconds())
	}))
	if err != nil {
		return nil, err
	}
	state, _ := redis.String(reply[1], nil)
	if data, ok := reply[0].([]byte); ok {
		s.stayListed(id, state)
		return data, nil
	}
	return s.copy(s.Prefix+id, state)
}

// What a session with this state has left under its old id when PHP gave it a new one, or nil.
func (s *Sessions) copy(key, state string) ([]byte, error) {
	if !strings.HasPrefix(state, "dead|regenerated|") {
		return nil, nil
	}
	reply, err := redis.Values(s.once(func(conn redis.Conn) (any, error) {
		return conn.Do("MGET", key+"_OLD", key+"_STATE")
	}))
	if err != nil {
		return nil, err
	}
	if now, _ := redis.String(reply[1], nil); now != state {
		return nil, nil
	}
	copy, _ := reply[0].([]byte)
	return copy, nil
}

// Returns true if the session has ended since it had this state, or moved to another id a moment ago.
func (s *Sessions) wasDestroyed(id string, since time.Time, state string) (bool, error) {
	if !validID.MatchString(id) {
		return false, nil
	}
	current, err := redis.String(s.once(func(conn redis.Conn) (any, error) { return conn.Do("GET", s.Prefix+id+"_STATE") }))
	if err == redis.ErrNil {
		return false, nil
	}
	if err != nil || hasDied(state, current) {
		return err == nil, err
	}
	fields := strings.SplitN(current, "|", 4)
	if len(fields) < 4 || fields[0] != "dead" || fields[1] != "regenerated" { // a logout before that leaves the visitor without another cookie
		return false, nil
	}
	ms, _ := strconv.ParseInt(fields[2], 10, 64)
	now, err := redis.Int64s(s.once(func(conn redis.Conn) (any, error) { return conn.Do("TIME") }))
	if err != nil {
		return false, err
	}
	// A request may have been sent a while before it came. The clock of Redis may have been set back since.
	return time.Unix(now[0], now[1]*1000).Sub(time.UnixMilli(ms)).Abs() < time.Since(since)+moved, nil
}

var created = regexp.MustCompile(`^live\|[^|]*\|`)

// Returns true if the session that had the state seen has ended, by its present one.
func hasDied(seen, now string) bool {
	// A session lives on under another state, but not with another time of creation.
	if one := created.FindString(now); one != "" {
		before := created.FindString(seen)
		return before != "" && before != one
	}
	return now != seen
}

// Lock takes the lock of a session and reads it. The mode is "known", or "new" for an id that we made.
func (s *Sessions) Lock(id, mode string) (*Lock, error) {
	if !validID.MatchString(id) {
		return nil, ErrNoSession
	}
	l := &Lock{its: s, id: id, key: s.Prefix + id, waiter: "o:" + random(), places: map[string]string{}}
	host, _ := os.Hostname()
	info := fmt.Sprintf("%s|%d|go|", host, os.Getpid())
	deadline := time.Now().Add(s.Wait)
	heldToken := "" // a ticket whose claim may have been carried out
	var unanswered []*Lock
	for sends, broken := 1, 0; ; sends++ {
		done, again, err := s.call(func(conn redis.Conn) (any, error) {
			return l.try(conn, mode, info, sends, broken > 0, deadline, &heldToken)
		})
		switch {
		case done == true:
			return l.entered(mode)
		case err == nil:
			broken = 0
		case !again:
			return nil, err
		default: // the connection broke
			broken++
			for _, token := range []string{l.waiter + ":" + strconv.Itoa(sends), heldToken} {
				unanswered = append(unanswered, &Lock{its: s, key: l.key, waiter: l.waiter, queued: true, token: token})
			}
			if broken > 1 && !(l.queued && time.Now().Before(deadline)) {
				s.keep(unanswered)
				return nil, err
			}
			if broken > 1 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

func (s *Sessions) keep(unanswered []*Lock) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.unanswered = append(s.unanswered, unanswered...); len(s.unanswered) > 100 {
		s.unanswered = s.unanswered[len(s.unanswered)-100:]
	}
}

// Releases the locks of requests that got no answer.
func (s *Sessions) tidy() {
	s.guard.Lock()
	unanswered := s.unanswered
	s.unanswered = nil
	s.guard.Unlock()
	until := time.Now().Add(s.Lease / 4)
	for i, lock := range unanswered {
		if _, err := lock.release("none", nil, 0, ""); err != nil || !time.Now().Before(until) {
			s.keep(unanswered[i+1:]) // for the next request: this one has a lock of its own, whose lease passes
			return
		}
	}
}

// One ACQUIRE and, if somebody else has the lock, one wait.
func (l *Lock) try(conn redis.Conn, mode, info string, send int, wasBroken bool, deadline time.Time,
	heldToken *string) (bool, error) {
	s := l.its
	token := l.waiter + ":" + strconv.Itoa(send)
	left := time.Until(deadline).Milliseconds()
	if left < 0 {
		left = 0
	}
	reply, err := redis.Values(s.scripts["acquire"].Do(conn,
		l.key, l.key+"_LOCK", l.key+"_WAKE", l.key+"_WAITERS", l.key+"_STATE",
		l.waiter, token, *heldToken, mode, info, s.Lease.Milliseconds(), s.seconds(), left, s.MaxWaiters,
		s.recheck(wasBroken), s.Mixed))
	if err != nil {
		return false, err
	}
	word, _ := redis.String(reply[0], nil)
	if word == "ok" || word == "absent" {
		last := len(reply) - 1
		if echo, _ := redis.String(reply[last], nil); echo != token {
			return false, errors.New("an answer to another request")
		}
		reply = reply[:last]
	}
	s.tidy()
	if l.before == nil && (word == "busy" || word == "absent") {
		state, _ := redis.String(reply[len(reply)-1], nil)
		l.before = &state
	}
	switch word {
	case "ok":
		l.token = token
		l.data, _ = reply[1].([]byte)
		l.state, _ = redis.String(reply[2], nil)
		return true, nil
	case "absent":
		state, _ := redis.String(reply[len(reply)-1], nil)
		copy, err := s.copy(l.key, state)
		if err != nil {
			return false, err
		}
		return false, absent{*l.before, copy}
	case "exists":
		return false, fmt.Errorf("%w: the id is in use", ErrBusy)
	case "full":
		return false, fmt.Errorf("%w: %v others wait", ErrBusy, reply[1])
	}
	block, err := redis.Int64(reply[3], nil)
	if err != nil {
		return false, err
	}
	if block == 0 {
		holder, _ := redis.String(reply[1], nil)
		return false, fmt.Errorf("%w: held by %s", ErrBusy, shown(holder))
	}
	l.queued = true
	if block <= foreign {
		time.Sleep(time.Duration(block) * time.Millisecond)
		return false, nil
	}
	timeout := time.Duration(block)*time.Millisecond + 2*time.Second
	popped, err := redis.ByteSlices(redis.DoWithTimeout(conn, timeout, "BLPOP", l.key+"_WAKE",
		strconv.FormatFloat(float64(block)/1000, 'f', 3, 64)))
	if err == redis.ErrNil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ticket := strings.SplitN(string(popped[1]), "\n", 4)
	if len(ticket) != 4 || ticket[3] == "" {
		return false, errors.New("not a ticket: is the list of waiters used by something else?")
	}
	*heldToken = "t:" + ticket[0]
	claimed, err := redis.Int(s.scripts["claim"].Do(conn, l.key+"_LOCK", l.key+"_WAITERS", l.key+"_STATE",
		*heldToken, s.Lease.Milliseconds(), l.waiter, info))
	if err != nil || claimed == 0 {
		return false, err
	}
	l.token, l.state = *heldToken, ticket[2]
	if ticket[3][0] == '1' {
		l.data = []byte(ticket[3][1:])
	}
	return true, nil
}

var holderToken = regexp.MustCompile(`^[ot]:[^|]*\|\d*\|`)

// `<token>|<ms>|<host>|<pid>|<sapi>|<uri>`, or whatever another client writes, in one short line.
func shown(holder string) string {
	text := []rune(holderToken.ReplaceAllString(holder, ""))
	if len(text) > 200 {
		text = text[:200]
	}
	for i, char := range text {
		if !unicode.IsPrint(char) || char == utf8.RuneError {
			text[i] = '?'
		}
	}
	return string(text)
}

func (l *Lock) entered(mode string) (*Lock, error) {
	if mode == "known" && l.data == nil { // it was destroyed while we waited
		l.release("none", nil, repeat, "")
		copy, err := l.its.copy(l.key, l.state)
		if err != nil {
			return nil, err
		}
		if l.before != nil {
			return nil, absent{*l.before, copy}
		}
		return nil, ErrNoSession
	}
	if l.data != nil {
		l.its.stayListed(l.id, l.state)
	}
	l.read = time.Now()
	l.stop = make(chan struct{})
	go l.renew(l.stop)
	return l, nil
}

// Starts the lease again at every third of it, until the release or the longest hold.
func (l *Lock) renew(stop chan struct{}) {
	end := time.After(l.its.MaxHold)
	pause := l.its.Lease / 3
	for {
		select {
		case <-stop:
			return
		case <-end:
			return
		case <-time.After(pause):
		}
		mine, err := redis.Int(l.its.once(func(conn redis.Conn) (any, error) {
			return l.its.scripts["renew"].Do(conn, l.key+"_LOCK", l.key+"_STATE", l.token, l.its.Lease.Milliseconds())
		}))
		pause = l.its.Lease / 3
		if err != nil {
			pause = l.its.Lease / 10
		} else if mine == 0 {
			return // lost: the release will say so
		}
	}
}

// Release ends it: "set" (data), "keep" (refresh the TTL), "none" (as if nothing had been),
// "logout" (destroy, unless it was moved to a new id since it was read), "retire" (it goes on under another id).
func (l *Lock) Release(op string, data []byte) error {
	close(l.stop)
	if len(l.places) > 0 && op == "set" && time.Since(l.bound) > loginTime*time.Millisecond/2 {
		// So that nobody takes it for one that is never stored.
		if chosen, _ := l.bump(); chosen {
			l.release("none", nil, repeat, "")
			return fmt.Errorf("%w: another request has ended it meanwhile, by the limit of a login", ErrNotSaved)
		}
	}
	state := ""
	switch op {
	case "set", "keep":
		state = l.renewed()
	case "retire":
		state = "regenerated"
	}
	word, err := l.release(op, data, repeat, state)
	if err == nil && word == "gone" {
		word, err = l.release("set", l.data, repeat, state)
	}
	switch {
	case err != nil:
		return err
	case op == "none":
		if word == "ok" {
			l.giveUpPlaces()
		}
		return nil
	case word == "ok":
		return l.follow(op, state)
	case word == "lost":
		return fmt.Errorf("%w: the lock was lost", ErrNotSaved)
	case word == "dead" && op == "logout":
		return fmt.Errorf("%w: it was moved to a new id, and goes on", ErrNotSaved)
	case word == "dead":
		return fmt.Errorf("%w: it was destroyed meanwhile", ErrNotSaved)
	}
	return fmt.Errorf("%w: %s", ErrNotSaved, word)
}

// Sends one release until it is answered: the same arguments get the same answer.
func (l *Lock) release(op string, data []byte, repeat time.Duration, state string) (string, error) {
	s, waiter, script, ttl := l.its, "", "release", l.its.seconds()
	if l.queued {
		waiter = l.waiter
	}
	arguments := redis.Args{}.Add(l.key, l.key+"_LOCK", l.key+"_WAKE", l.key+"_WAITERS",
		l.key+"_DONE:"+l.token, l.key+"_STATE")
	if op == "retire" {
		script, ttl, arguments = op, 0, arguments.Add(l.key+"_OLD")
	}
	arguments = arguments.Add(l.token, waiter, op, data, ttl, l.state, 0, 0, random(), receipt, s.Mixed,
		s.MaxHold.Milliseconds(), state)
	for until := time.Now().Add(repeat); ; time.Sleep(20 * time.Millisecond) {
		answer, again, err := s.call(func(conn redis.Conn) (any, error) {
			return s.scripts[script].Do(conn, arguments...)
		})
		if err == nil {
			reply, err := redis.Values(answer, nil)
			if err != nil {
				return "", err
			}
			return s.withoutCopy(reply)
		}
		if !again || time.Now().After(until) {
			return "", err
		}
	}
}

// Redis 6 puts the reason of a script behind the place in it.
var passing = regexp.MustCompile(`^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)\b|\b(READONLY|NOREPLICAS)\b`)

func (s *Sessions) seconds() int64 { return int64(s.TTL / time.Second) }

func (s *Sessions) recheck(wasBroken bool) int64 {
	if wasBroken {
		return handoff + slack
	}
	longest := s.Lease.Milliseconds() / 2
	if longest > recheck {
		longest = recheck
	}
	if longest < handoff+slack {
		longest = handoff + slack
	}
	return longest - mathrand.Int63n(longest/4+1)
}
