// Renders a chart as `helm template` does: Go's text/template with the sprig functions and those that Helm adds.
// Reads a request as JSON from stdin; writes the values that the templates were given, and what each rendered to. What a
// chart may use of Helm and this program lacks (subcharts, .Files.Glob) fails to render, so that it is noticed.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type request struct {
	Chart       string
	Release     string
	Namespace   string
	KubeVersion string
	APIVersions []string
	Upgrade     bool
	// Later ones win, over values.yaml too.
	Values []map[string]any
	// Makes a value that is missing an error; Helm's --strict of `helm lint`.
	Strict bool
}

type metadata struct {
	APIVersion  string `json:"apiVersion"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	AppVersion  string `json:"appVersion"`
	KubeVersion string `json:"kubeVersion"`
	Type        string `json:"type"`
	Description string `json:"description"`
}

type kubeVersion struct{ Version, Major, Minor string }

func (version kubeVersion) String() string     { return version.Version }
func (version kubeVersion) GitVersion() string { return version.Version }

type versionSet []string

func (set versionSet) Has(version string) bool {
	for _, each := range set {
		if each == version {
			return true
		}
	}
	return false
}

type capabilities struct {
	KubeVersion kubeVersion
	APIVersions versionSet
}

type release struct {
	Name, Namespace, Service string
	Revision                 int
	IsInstall, IsUpgrade     bool
}

type files map[string][]byte

func (all files) Get(name string) string { return string(all[name]) }

func main() {
	var asked request
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	templates, others := read(asked.Chart)

	var chart metadata
	check(yaml.Unmarshal(others["Chart.yaml"], &chart))
	values := map[string]any{}
	check(yaml.Unmarshal(others["values.yaml"], &values))
	for _, layer := range asked.Values {
		values = merge(values, layer)
	}
	for _, name := range []string{"Chart.yaml", "values.yaml", "values.schema.json"} {
		delete(others, name)
	}

	number := strings.SplitN(strings.TrimPrefix(asked.KubeVersion, "v"), ".", 3)
	data := map[string]any{
		"Chart":   chart,
		"Values":  values,
		"Files":   others,
		"Release": release{asked.Release, asked.Namespace, "Helm", 1, !asked.Upgrade, asked.Upgrade},
		"Capabilities": capabilities{
			kubeVersion{asked.KubeVersion, number[0], number[1]},
			versionSet(append(asked.APIVersions, "v1", "apps/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1")),
		},
		"Subcharts": map[string]any{},
	}
	rendered := render(chart.Name, templates, data, asked.Strict)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"Values": values, "Rendered": rendered}))
}

// The templates of a chart and its other files, by their paths in it. Links are followed, as Helm does.
func read(root string) (templates map[string]string, others files) {
	templates, others = map[string]string{}, files{}
	check(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		if strings.HasPrefix(name, "templates/") {
			templates[name] = string(content)
		} else {
			others[name] = content
		}
		return err
	}))
	return templates, others
}

// Tables are merged, other values replaced, and null removes what was there.
func merge(under, over map[string]any) map[string]any {
	merged := map[string]any{}
	for key, value := range under {
		merged[key] = value
	}
	for key, value := range over {
		table, isTable := value.(map[string]any)
		beneath, wasTable := merged[key].(map[string]any)
		switch {
		case value == nil:
			delete(merged, key)
		case isTable && wasTable:
			merged[key] = merge(beneath, table)
		default:
			merged[key] = value
		}
	}
	return merged
}

func render(chart string, templates map[string]string, data map[string]any, strict bool) map[string]string {
	all := template.New("chart")
	if strict {
		all.Option("missingkey=error")
	} else {
		all.Option("missingkey=zero")
	}
	all.Funcs(functions(all))
	for name, text := range templates {
		template.Must(all.New(chart + "/" + name).Parse(text))
	}
	rendered := map[string]string{}
	for name := range templates {
		if strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		data["Template"] = map[string]any{"Name": chart + "/" + name, "BasePath": chart + "/templates"}
		var text strings.Builder
		check(all.ExecuteTemplate(&text, chart+"/"+name, data))
		rendered[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return rendered
}

func functions(all *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	// Helm takes away what makes a rendering depend on the machine.
	delete(functions, "env")
	delete(functions, "expandenv")
	delete(functions, "getHostByName")

	functions["include"] = func(name string, data any) (string, error) {
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	functions["tpl"] = func(text string, data any) (string, error) {
		copied, err := all.Clone()
		if err != nil {
			return "", err
		}
		parsed, err := copied.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var rendered strings.Builder
		err = parsed.Execute(&rendered, data)
		return strings.ReplaceAll(rendered.String(), "<no value>", ""), err
	}
	functions["required"] = func(message string, value any) (any, error) {
		if value == nil || value == "" {
			return value, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	// Without a cluster Helm finds nothing.
	functions["lookup"] = func(string, string, string, string) map[string]any { return map[string]any{} }
	functions["toYaml"] = func(value any) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["fromYaml"] = func(text string) map[string]any {
		value := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	functions["toJson"] = func(value any) string {
		text, _ := json.Marshal(value)
		return string(text)
	}
	functions["fromJson"] = func(text string) map[string]any {
		value := map[string]any{}
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	return functions
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
