// Command porcupine judges whether histories of registers are linearizable, with the checker of
// that name. It reads what tests/scenarios/faults/linearizable.py writes, one operation on each
// line of its standard input, and prints a line for each register. It ends with 1 if one of them
// is not linearizable, and with 2 if the input cannot be read or a history took too long to judge.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	patience      = time.Minute
	isLinear      = 0
	isNotLinear   = 1
	cannotBeKnown = 2
)

// operation is one line of the input. A register has the empty value before the first write.
type operation struct {
	Key       string   `json:"key"`
	Kind      string   `json:"kind"`
	Value     string   `json:"value"`
	CalledS   float64  `json:"called_s"`
	ReturnedS *float64 `json:"returned_s"` // nil if nobody was told the end of it
}

var register = porcupine.Model{
	Init: func() interface{} { return "" },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		done := input.(operation)
		if done.Kind == "write" {
			return true, done.Value
		}
		return done.Value == state, state
	},
}

func main() {
	histories, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintf(os.Stderr, "the history cannot be read: %v\n", err)
		os.Exit(cannotBeKnown)
	}
	os.Exit(judge(histories))
}

// read returns the operations of each register. One that nobody was told the end of may take
// effect at any later time, so it returns after all others.
func read(from io.Reader) (map[string][]porcupine.Operation, error) {
	histories := map[string][]porcupine.Operation{}
	lines := json.NewDecoder(from)
	lines.DisallowUnknownFields()
	for {
		var next operation
		if err := lines.Decode(&next); errors.Is(err, io.EOF) {
			return histories, nil
		} else if err != nil {
			return nil, err
		}
		if next.Kind != "read" && next.Kind != "write" {
			return nil, fmt.Errorf("an operation of kind %q", next.Kind)
		}
		returned := int64(math.MaxInt64)
		if next.ReturnedS != nil {
			returned = nanoseconds(*next.ReturnedS)
		}
		histories[next.Key] = append(histories[next.Key], porcupine.Operation{
			Input:  next,
			Call:   nanoseconds(next.CalledS),
			Return: returned,
		})
	}
}

func nanoseconds(seconds float64) int64 {
	return int64(math.Round(seconds * 1e9))
}

func judge(histories map[string][]porcupine.Operation) int {
	keys := make([]string, 0, len(histories))
	for key := range histories {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	verdict := isLinear
	for _, key := range keys {
		found := porcupine.CheckOperationsTimeout(register, histories[key], patience)
		fmt.Printf("%s: %s, %d operations\n", key, found, len(histories[key]))
		switch {
		case found == porcupine.Illegal:
			verdict = isNotLinear
		case found == porcupine.Unknown && verdict == isLinear:
			verdict = cannotBeKnown
		}
	}
	return verdict
}
