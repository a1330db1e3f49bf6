package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func pod(change func(*corev1.Pod)) *corev1.Pod {
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "worker-v1-x",
			Labels:      map[string]string{labelApp: "shop", labelRelease: "v1"},
			Annotations: map[string]string{annotationScrape: "true", annotationPort: "8000"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 80}, {ContainerPort: 81}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.7"},
	}
	change(made)
	return made
}

func TestTargets(t *testing.T) {
	all := map[string]string{"namespace": "shop", "pod": "worker-v1-x", "app": "shop", "release": "v1"}
	now := metav1.Now()
	for _, c := range []struct {
		name    string
		change  func(*corev1.Pod)
		targets []string
		labels  map[string]string
	}{
		{"a running pod at the port it names", func(*corev1.Pod) {}, []string{"10.0.0.7:8000"}, all},
		{"a pod that is being deleted is one until it is gone",
			func(p *corev1.Pod) { p.DeletionTimestamp = &now }, []string{"10.0.0.7:8000"}, all},
		{"a pod that starts and has an address is one",
			func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }, []string{"10.0.0.7:8000"}, all},
		{"a pod without an address is none", func(p *corev1.Pod) { p.Status.PodIP = "" }, nil, nil},
		{"a pod that succeeded is none", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, nil, nil},
		{"a pod that failed is none", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, nil, nil},
		{"a pod that does not ask is none", func(p *corev1.Pod) { p.Annotations = nil }, nil, nil},
		{"only the word true asks", func(p *corev1.Pod) { p.Annotations[annotationScrape] = "True" }, nil, nil},
		{"a pod that names no port has one target for each that it declares",
			func(p *corev1.Pod) { delete(p.Annotations, annotationPort) },
			[]string{"10.0.0.7:80", "10.0.0.7:81"}, all},
		{"a port that is no number is not named",
			func(p *corev1.Pod) { p.Annotations[annotationPort] = "http" },
			[]string{"10.0.0.7:80", "10.0.0.7:81"}, all},
		{"a pod without any port is asked at its bare address",
			func(p *corev1.Pod) { delete(p.Annotations, annotationPort); p.Spec.Containers = nil },
			[]string{"10.0.0.7"}, all},
		{"an address of version 6", func(p *corev1.Pod) { p.Status.PodIP = "fd00::7" },
			[]string{"[fd00::7]:8000"}, all},
		{"a path of its own", func(p *corev1.Pod) { p.Annotations[annotationPath] = "/m" },
			[]string{"10.0.0.7:8000"}, map[string]string{
				"namespace": "shop", "pod": "worker-v1-x", "app": "shop", "release": "v1", "__metrics_path__": "/m"}},
		{"a pod of no release", func(p *corev1.Pod) { p.Labels = nil },
			[]string{"10.0.0.7:8000"}, map[string]string{"namespace": "shop", "pod": "worker-v1-x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := []group{}
			if c.targets != nil {
				want = append(want, group{c.targets, c.labels})
			}
			made := pod(c.change)
			if got := groups([]*corev1.Pod{made}); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			slim, _ := onlyWhatTargetsNeed(made)
			if got := groups([]*corev1.Pod{slim.(*corev1.Pod)}); !reflect.DeepEqual(got, want) {
				t.Errorf("after slimming: got %v, want %v", got, want)
			}
		})
	}
}

func TestTheFileFollowsThePodsAndIsWrittenOnlyForAChange(t *testing.T) {
	pods := []*corev1.Pod{}
	file := filepath.Join(t.TempDir(), "targets.json")
	k := newKeeper(file, func() []*corev1.Pod { return pods })
	read := func() []group {
		if err := k.write(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var found []group
		if err := json.Unmarshal(content, &found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := read(); got == nil || len(got) != 0 {
		t.Errorf("no pods have to be an empty list, not %v", got)
	}
	pods = append(pods, pod(func(*corev1.Pod) {}))
	if got := read(); len(got) != 1 {
		t.Errorf("one pod, but %v", got)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	read()
	if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(old) {
		t.Error("the file was written again without a change")
	}
}
