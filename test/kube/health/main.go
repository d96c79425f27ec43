// Health says what others make of the objects that Roster writes, by their own code:
//
//	health < objects.json              kstatus, as Flux and `kubectl wait` tooling compute it
//	health -lua check.lua < objects    the same, and what Argo CD makes of a Lua health check
//
// Objects come one after the other as JSON; for each, one line of JSON goes out.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type answer struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Kstatus verdict  `json:"kstatus"`
	Lua     *verdict `json:"lua,omitempty"`
}

func main() {
	check := flag.String("lua", "", "a health check as in resource.customizations.health of Argo CD")
	flag.Parse()
	if err := run(*check, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check string, in io.Reader, out io.Writer) error {
	script := ""
	if check != "" {
		text, err := os.ReadFile(check)
		if err != nil {
			return err
		}
		script = string(text)
	}
	decoder := json.NewDecoder(in)
	encoder := json.NewEncoder(out)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		object := &unstructured.Unstructured{}
		// Through its own decoder, which reads whole numbers as int64: kstatus compares generations as such.
		if err := object.UnmarshalJSON(raw); err != nil {
			return err
		}
		result, err := status.Compute(object)
		if err != nil {
			return err
		}
		said := answer{
			Kind:    object.GetKind(),
			Name:    object.GetName(),
			Kstatus: verdict{Status: result.Status.String(), Message: result.Message},
		}
		if script != "" {
			if said.Lua, err = health(script, object.Object); err != nil {
				return err
			}
		}
		if err := encoder.Encode(said); err != nil {
			return err
		}
	}
}

// health runs a check with as little of Lua as Argo CD opens by default: no strings, no files, no require.
func health(script string, object map[string]any) (*verdict, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the check returned %s, not a table", state.Get(-1).Type())
	}
	return &verdict{
		Status:  lua.LVAsString(table.RawGetString("status")),
		Message: lua.LVAsString(table.RawGetString("message")),
	}, nil
}

func value(state *lua.LState, of any) lua.LValue {
	switch one := of.(type) {
	case bool:
		return lua.LBool(one)
	case int64:
		return lua.LNumber(one)
	case float64:
		return lua.LNumber(one)
	case string:
		return lua.LString(one)
	case []any:
		table := state.NewTable()
		for _, item := range one {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range one {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
