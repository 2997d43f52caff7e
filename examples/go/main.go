// A net/http service on PHP's sessions. REDIS, SCRIPTS and ADDR say where they are.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run .      with Debian's golang-github-gomodule-redigo-dev
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// With opens the session of a request, lets the handler change it, and saves it before the answer is sent: what the
// handler returns, as JSON. An error leaves the session as it was. A handler that changes nothing can peek.
func with(sessions *Sessions, peek bool, handler func(*http.Request, *Session) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := idOf(r, sessions.Cookie.Name)
		open := sessions.Open
		if peek {
			open = sessions.Peek
		}
		session, err := open(id)
		if err != nil {
			log.Print(err)
			http.Error(w, "the session cannot be opened", http.StatusServiceUnavailable)
			return
		}
		defer session.Abort()         // a panic
		if r.Context().Err() != nil { // the client left while we waited
			return
		}
		answer, err := handler(r, session)
		if err == nil && !peek {
			err = session.Save()
		}
		if err != nil {
			session.Abort()
			log.Print(err)
			http.Error(w, "the session was not saved", http.StatusInternalServerError)
			return
		}
		if value := session.cookie(); value != nil {
			cookie := sessions.Cookie
			if cookie.Value = *value; *value == "" {
				cookie.MaxAge = -1
			}
			http.SetCookie(w, &cookie)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}
}

// PHP writes an underscore for each of these in the name of a cookie.
var phpName = strings.NewReplacer(" ", "_", ".", "_", "[", "_")

// The id in the cookie, as PHP finds it: the first of the name, percent-decoded.
func idOf(r *http.Request, name string) string {
	var found *string
	for _, pair := range strings.Split(strings.Join(r.Header["Cookie"], ";"), ";") {
		sent, value, _ := strings.Cut(strings.TrimLeft(pair, " \t\n\v\f\r"), "=")
		base, index, _ := strings.Cut(sent, "[")
		isArray := strings.Contains(index, "]")
		if !isArray {
			base = sent
		}
		// No change of a name gives it one of the prefixes that browsers protect.
		isProtected := strings.HasPrefix(name, "__Host-") || strings.HasPrefix(name, "__Secure-")
		if phpName.Replace(base) != name || isProtected && !strings.HasPrefix(base, name[:7]) {
			continue
		}
		if isArray {
			return "" // PHP makes an array of all cookies of the name
		}
		if found == nil {
			found = &value
		}
	}
	if found == nil {
		return ""
	}
	id, _ := url.PathUnescape(*found)
	return id
}

func main() {
	sessions, err := New(env("REDIS", "redis://127.0.0.1:6379/0"), env("SCRIPTS", "../../src/protocol/scripts"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", with(sessions, true, func(_ *http.Request, session *Session) (any, error) {
		var answer struct {
			User *string `json:"user"`
			N    *int64  `json:"n"`
		}
		if _, err := session.Get("user", &answer.User); err != nil {
			return nil, err
		}
		_, err := session.Get("n", &answer.N)
		return answer, err
	}))
	http.HandleFunc("/count", with(sessions, false, func(r *http.Request, session *Session) (any, error) {
		var n int64
		if _, err := session.Get("n", &n); err != nil {
			return nil, err
		}
		hold(r) // other requests of this session wait
		return map[string]int64{"n": n + 1}, session.Set("n", n+1)
	}))
	http.HandleFunc("/fail", with(sessions, false, func(_ *http.Request, session *Session) (any, error) {
		session.Set("n", -1)
		panic("this request fails")
	}))
	http.HandleFunc("/logout", with(sessions, false, func(r *http.Request, session *Session) (any, error) {
		hold(r)
		return struct{}{}, session.Destroy()
	}))
	http.HandleFunc("/login", with(sessions, false, func(r *http.Request, session *Session) (any, error) {
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		login := Login{User: "Ada", Label: r.FormValue("label"), Limit: limit, Refuse: r.FormValue("on_limit") == "refuse"}
		done, err := session.Login(login)
		if again := r.FormValue("again"); again != "" && err == nil { // after a second factor, say
			login.Label = again
			done, err = session.Login(login)
		}
		hold(r)
		if err == nil && done { // otherwise she is logged in elsewhere, and her password was right
			err = session.Set("user", "Ada")
		}
		return map[string]bool{"done": done}, err
	}))
	http.HandleFunc("/devices", with(sessions, true, func(r *http.Request, session *Session) (any, error) {
		answer, user := []map[string]any{}, ""
		if known, err := session.Get("user", &user); !known || err != nil {
			return answer, err
		}
		found, err := sessions.Devices(user)
		for _, one := range found {
			current := one.ID == idOf(r, sessions.Cookie.Name)
			answer = append(answer, map[string]any{"handle": one.Handle, "label": one.Label, "current": current})
		}
		return answer, err
	}))
	http.HandleFunc("/revoke", with(sessions, false, func(r *http.Request, session *Session) (any, error) {
		user, ended := "", 0
		known, err := session.Get("user", &user)
		if known && err == nil {
			handle := r.FormValue("handle") // without one, all others end
			ended, err = session.Revoke(user, handle, handle == "")
		}
		return map[string]int{"ended": ended}, err
	}))
	http.HandleFunc("/password", with(sessions, false, func(r *http.Request, session *Session) (any, error) {
		user, ended := "", 0
		known, err := session.Get("user", &user)
		if known && err == nil { // the password was changed: a new id, and an end of all other sessions
			if _, err = session.Login(Login{User: user, Label: r.FormValue("label")}); err == nil {
				ended, err = session.Revoke(user, "", true)
			}
		}
		return map[string]int{"ended": ended}, err
	}))
	server, ended := &http.Server{Addr: env("ADDR", "127.0.0.1:3000")}, make(chan error)
	go func() {
		term, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		<-term.Done()
		stop() // A second signal ends the process at once.
		// The requests under way end first. Otherwise each would leave its lock for a lease.
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-ended
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func hold(r *http.Request) {
	if ms, err := strconv.Atoi(r.FormValue("hold_ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
}
