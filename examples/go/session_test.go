package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

const someID = "k3jq0v5u9d7s2m4b8n1c6x0zlp"

// The sessions of the Redis that TEST_REDIS names, with this value under the key that ends so.
func withKey(t *testing.T, suffix, value string) *Sessions {
	url := os.Getenv("TEST_REDIS")
	if url == "" {
		t.Skip("TEST_REDIS names no server")
	}
	s, err := New(url, "../../src/protocol/scripts")
	if err == nil {
		_, err = s.once(func(conn redis.Conn) (any, error) {
			return conn.Do("SET", s.Prefix+someID+suffix, value, "EX", 100)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.once(func(conn redis.Conn) (any, error) { return conn.Do("DEL", s.Prefix+someID+suffix) })
	})
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A value that is stored after a logout is kept, under another id.
func TestMakesANewSessionAfterDestroy(t *testing.T) {
	sessions := withKey(t, "", `{"user":"Ada"}`)
	for _, came := range []string{someID, "unknown-0123456789"} {
		s, err := sessions.Open(came)
		must(t, err, s.Set("role", "admin"), s.Destroy(), s.Destroy(), s.Set("hint", "bye"), s.Save())
		cookie := s.cookie()
		if cookie == nil || *cookie == "" || *cookie == came || *cookie != s.ID() {
			t.Fatalf("%s: the cookie is %v", came, cookie)
		}
		if old, err := sessions.Read(someID); old != nil || err != nil {
			t.Errorf("%s: %s %v", came, old, err)
		}
		if made, err := sessions.Read(*cookie); string(made) != `{"hint":"bye"}` || err != nil {
			t.Errorf("%s: %s %v", came, made, err)
		}
	}
	// Without a Set there is no new one.
	for came, deleted := range map[string]bool{madeBy(t, sessions): true, "unknown-0123456789": false} {
		s, err := sessions.Open(came)
		must(t, err, s.Set("role", "admin"), s.Destroy(), s.Save())
		if cookie := s.cookie(); s.ID() != "" || (cookie != nil) != deleted || (deleted && *cookie != "") {
			t.Errorf("%s: %q, the cookie is %v", came, s.ID(), cookie)
		}
	}
}

// The id of a new session.
func madeBy(t *testing.T, sessions *Sessions) string {
	s, err := sessions.Open("")
	must(t, err, s.Set("user", "Bob"), s.Save())
	return s.ID()
}

// Two logins in one request: the session is on the list of the second user only.
func TestForgetsTheFirstOfTwoUsers(t *testing.T) {
	sessions := withKey(t, "", `{"n":1}`)
	s, err := sessions.Open(someID)
	must(t, err)
	for _, user := range []string{"Eve", "Ada"} {
		if done, err := s.Login(Login{User: user}); !done || err != nil {
			t.Fatalf("%s: %v %v", user, done, err)
		}
	}
	must(t, s.Save())
	for user, number := range map[string]int{"Eve": 0, "Ada": 1} {
		names, err := redis.Strings(sessions.once(func(conn redis.Conn) (any, error) {
			return conn.Do("HKEYS", sessions.Prefix+"USER:"+listName(user))
		}))
		if must(t, err); len(names) != number {
			t.Errorf("%s: %v", user, names)
		}
	}
	if old, err := sessions.Read(someID); old != nil || err != nil {
		t.Errorf("%s %v", old, err)
	}
}

// The state of a session lives for longer than the session.
func TestANewSessionUnderAnExpiredIDHasNoUser(t *testing.T) {
	state := "live|1795000000000|1795000000000|5|4000000000000|1795000000000||" + listName("Ada") + "|phone"
	sessions := withKey(t, "_STATE", state)
	lock, err := sessions.Lock(someID, "new")
	must(t, err, lock.Release("set", []byte(`{"n":1}`)))
	lock, err = sessions.Lock(someID, "known")
	must(t, err)
	defer lock.Release("logout", nil)
	age := number(stamp()) - number(strings.Split(lock.state, "|")[1])
	if fields := lock.fields(); age > 60_000 || strings.Join(append(fields[2:5:5], fields[6:]...), "|") != "|||||" {
		t.Errorf("%s", lock.state)
	}
	if ttl, err := redis.Int(sessions.once(func(conn redis.Conn) (any, error) {
		return conn.Do("TTL", sessions.Prefix+someID)
	})); ttl < 1400 || err != nil {
		t.Errorf("%d %v", ttl, err)
	}
}

// A logout in the request of a login ends the session under the old id, too.
func TestDestroysWhatALoginHasLeft(t *testing.T) {
	for came, deleted := range map[string]bool{someID: true, "unknown-0123456789": false} {
		sessions := withKey(t, "", `{"n":1}`)
		s, err := sessions.Open(came)
		must(t, err)
		done, err := s.Login(Login{User: "Bea"})
		must(t, err, s.Destroy(), s.Save())
		if cookie := s.cookie(); !done || (cookie != nil) != deleted || (deleted && *cookie != "") {
			t.Errorf("%s: %v, the cookie is %v", came, done, cookie)
		}
		reply, err := redis.Values(sessions.once(func(conn redis.Conn) (any, error) {
			return conn.Do("MGET", sessions.Prefix+came, sessions.Prefix+came+"_LOCK")
		}))
		if must(t, err); reply[0] != nil || reply[1] != nil {
			t.Errorf("%s: %s", came, reply)
		}
		if devices, err := sessions.Devices("Bea"); len(devices) > 0 || err != nil {
			t.Errorf("%s: %v %v", came, devices, err)
		}
	}
}

// A request under an id that PHP has left may store what is there already.
func TestTakesTheSameValueForNoChange(t *testing.T) {
	sessions := withKey(t, "", `{"n":1,"x":1.0}`)
	s, err := sessions.Open(someID)
	must(t, err, s.Set("n", 1))
	if s.changed {
		t.Error("n is the same")
	}
	if must(t, s.Set("x", 1), s.Save()); !s.changed {
		t.Error("x is another text")
	}
}

func TestRefusesAChangeThatNothingWouldWrite(t *testing.T) {
	sessions := withKey(t, "", `{"user":"Ada"}`)
	peeked, err := sessions.Peek(someID)
	must(t, err)
	saved, err := sessions.Open(someID)
	must(t, err, saved.Set("n", 1), saved.Save(), saved.Save())
	aborted, err := sessions.Open(someID)
	must(t, err)
	aborted.Abort()
	for name, s := range map[string]*Session{"peeked": peeked, "saved": saved, "aborted": aborted} {
		if err := s.Set("n", 2); !errors.Is(err, ErrNotSaved) {
			t.Errorf("%s: Set says %v", name, err)
		}
		if err := s.Destroy(); !errors.Is(err, ErrNotSaved) {
			t.Errorf("%s: Destroy says %v", name, err)
		}
		if err := s.Delete("user"); !errors.Is(err, ErrNotSaved) || len(s.members) == 0 {
			t.Errorf("%s: Delete says %v", name, err)
		}
	}
	if data, err := sessions.Read(someID); string(data) != `{"user":"Ada","n":1}` || err != nil {
		t.Errorf("%s %v", data, err)
	}
}

// Any client may have put anything there.
func TestNamesTheHolderInOneShortLine(t *testing.T) {
	withKey(t, "", "{}")
	for value, expected := range map[string]string{
		"o:0123abcd:1|1700000000000|web1|42|fpm-fcgi|/cart\n": "web1|42|fpm-fcgi|/cart?",
		"x\x1b[2J" + strings.Repeat("y", 300):                 "x?[2J" + strings.Repeat("y", 195),
	} {
		sessions := withKey(t, "_LOCK", value)
		sessions.Wait = 100 * time.Millisecond
		_, err := sessions.Lock(someID, "known")
		if !errors.Is(err, ErrBusy) || !strings.HasSuffix(err.Error(), ": held by "+expected) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// A member that was read into an any, and is stored again.
func TestKeepsTheNumbersOfAnAny(t *testing.T) {
	text := `{"cart":{"a":[1.0,-0.0,9223372036854775807,1e+300,0.1]}}`
	sessions := withKey(t, "", text)
	s, err := sessions.Open(someID)
	must(t, err)
	var cart any
	found, err := s.Get("cart", &cart)
	must(t, err, s.Set("cart", cart), s.Save())
	if data, err := sessions.Read(someID); !found || string(data) != text || err != nil {
		t.Errorf("%s %v", data, err)
	}
}

// For the test that compares them with PHP's.
func TestSaysItsCookies(t *testing.T) {
	settings := os.Getenv("TEST_COOKIE")
	if settings == "" {
		t.Skip("TEST_COOKIE has no cookie")
	}
	sessions := withKey(t, "", `{"n":1}`)
	sessions.Cookie = http.Cookie{}
	must(t, json.Unmarshal([]byte(settings), &sessions.Cookie))
	for i, handler := range []func(*http.Request, *Session) (any, error){
		func(_ *http.Request, s *Session) (any, error) { return nil, s.Set("n", 1) },
		func(_ *http.Request, s *Session) (any, error) { return nil, s.Destroy() },
	} {
		request, answer := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
		if i == 1 {
			request.Header.Set("Cookie", sessions.Cookie.Name+"="+someID)
		}
		with(sessions, false, handler)(answer, request)
		fmt.Println("cookie:", answer.Header().Get("Set-Cookie"))
	}
}

// For the test that compares it with PHP's.
func TestSaysItsIDs(t *testing.T) {
	for _, line := range strings.Split(os.Getenv("TEST_COOKIES"), "\n") {
		name, cookies, _ := strings.Cut(line, " ")
		request := httptest.NewRequest("POST", "/", nil)
		request.Header.Set("Cookie", cookies)
		fmt.Println("id:", idOf(request, name))
	}
}

type nested struct{ Next *nested }

// PHP would keep the session aside, and the user would be logged out.
func TestRefusesWhatPHPCannotRead(t *testing.T) {
	var deep any = 1
	for i := 0; i < 512; i++ {
		deep = []any{deep}
	}
	for name, value := range map[string]any{
		"NaN": math.NaN(), "infinity": math.Inf(1), "function": func() {}, "channel": make(chan int),
		"huge": json.Number("1e999"), "digits": json.Number(strings.Repeat("9", 400)), "deep": deep,
		"half a pair": json.RawMessage(`"\ud800"`), "the other half": json.RawMessage(`"\ud83dx\ude00"`),
		"a name": json.RawMessage(`{"\uDC00":1}`), "no UTF-8": json.RawMessage("\"\xff\""),
	} {
		s := &Session{}
		if err := s.Set("x", value); err == nil || s.changed {
			t.Errorf("%s is not refused", name)
		}
	}
	for name, value := range map[string]any{
		"deep": deep.([]any)[0], "a pair": json.RawMessage(`"\ud83d\ude00"`), "a backslash": json.RawMessage(`"\\ud800"`),
		"bytes": []byte{255}, "number": json.Number("1e300"), "not UTF-8": "\xff", "null": (*nested)(nil),
	} {
		if err := (&Session{}).Set("x", value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
