package main

import (
	"net"
	"regexp"
	"sort"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	annotationScrape = "prometheus.io/scrape"
	annotationPort   = "prometheus.io/port"
	annotationPath   = "prometheus.io/path"
	labelApp         = "rainbow.dev/app"
	labelRelease     = "rainbow.dev/release"
)

var number = regexp.MustCompile(`^\d+$`)

// group is one entry of Prometheus's file_sd: addresses that share their labels.
type group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// groups returns one group for each pod that asks to be scraped and can be, in an order that does not change.
//
// A pod that is being deleted counts until it is gone: it may be finishing tasks. One without an address is no
// target yet, and one that has ended is not a target that is down.
func groups(pods []*corev1.Pod) []group {
	found := make([]group, 0, len(pods))
	for _, pod := range pods {
		if pod.Annotations[annotationScrape] == "true" && pod.Status.PodIP != "" && !ended(pod) {
			found = append(found, group{addresses(pod), labels(pod)})
		}
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i].Labels, found[j].Labels
		return a["namespace"] < b["namespace"] || a["namespace"] == b["namespace"] && a["pod"] < b["pod"]
	})
	return found
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// addresses returns one address for a pod that names its port, else one for each port that it declares.
func addresses(pod *corev1.Pod) []string {
	if port := pod.Annotations[annotationPort]; number.MatchString(port) {
		return []string{net.JoinHostPort(pod.Status.PodIP, port)}
	}
	found := []string{}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for _, container := range containers {
			for _, port := range container.Ports {
				found = append(found, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port.ContainerPort))))
			}
		}
	}
	if len(found) == 0 {
		return []string{pod.Status.PodIP}
	}
	return found
}

func labels(pod *corev1.Pod) map[string]string {
	found := map[string]string{"namespace": pod.Namespace, "pod": pod.Name}
	for label, value := range map[string]string{
		"app":              pod.Labels[labelApp],
		"release":          pod.Labels[labelRelease],
		"__metrics_path__": pod.Annotations[annotationPath],
	} {
		if value != "" {
			found[label] = value
		}
	}
	return found
}

// onlyWhatTargetsNeed drops the rest of a pod before it is kept: a workflow's pod holds its whole template.
func onlyWhatTargetsNeed(object any) (any, error) {
	pod, known := object.(*corev1.Pod)
	if !known {
		return object, nil
	}
	slim := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			Labels:      pick(pod.Labels, labelApp, labelRelease),
			Annotations: pick(pod.Annotations, annotationScrape, annotationPort, annotationPath),
		},
		Spec:   corev1.PodSpec{Containers: ports(pod.Spec.Containers), InitContainers: ports(pod.Spec.InitContainers)},
		Status: corev1.PodStatus{Phase: pod.Status.Phase, PodIP: pod.Status.PodIP},
	}
	return slim, nil
}

func pick(from map[string]string, keys ...string) map[string]string {
	found := map[string]string{}
	for _, key := range keys {
		if value, present := from[key]; present {
			found[key] = value
		}
	}
	return found
}

func ports(containers []corev1.Container) []corev1.Container {
	found := make([]corev1.Container, 0, len(containers))
	for _, container := range containers {
		found = append(found, corev1.Container{Ports: container.Ports})
	}
	return found
}
