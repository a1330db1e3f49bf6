package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// One release starts many pods at once: their changes become one file.
	gathering = 100 * time.Millisecond
	heartbeat = time.Second
	stuck     = 30 * time.Second
)

// keeper keeps the file of targets up to date and tells whether it does.
type keeper struct {
	file    string
	pods    func() []*corev1.Pod
	signal  chan struct{}
	written []byte
	ready   atomic.Bool
	beaten  atomic.Int64
}

func newKeeper(file string, pods func() []*corev1.Pod) *keeper {
	k := &keeper{file: file, pods: pods, signal: make(chan struct{}, 1)}
	k.beat()
	return k
}

// changed never blocks: one waiting signal stands for any number of changes.
func (k *keeper) changed() {
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

func (k *keeper) beat() { k.beaten.Store(time.Now().UnixNano()) }

// run writes the file now and after each change, until the context ends or the file cannot be written.
func (k *keeper) run(ctx context.Context, health <-chan error) error {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		if err := k.write(); err != nil {
			return err
		}
		k.ready.Store(true)
		for waiting := true; waiting; {
			k.beat()
			select {
			case <-ctx.Done():
				return nil
			case err := <-health:
				return err
			case <-ticker.C:
			case <-k.signal:
				waiting = false
			}
		}
		time.Sleep(gathering)
	}
}

// write replaces the file in one step, and only by other content: Prometheus reads it anew at each change.
func (k *keeper) write() error {
	content, err := json.MarshalIndent(groups(k.pods()), "", "  ")
	if err != nil {
		return err
	}
	if bytes.Equal(content, k.written) {
		return nil
	}
	partial := filepath.Join(filepath.Dir(k.file), "."+filepath.Base(k.file)+".partial")
	if err := os.WriteFile(partial, content, 0o644); err != nil {
		return err
	}
	if err := os.Rename(partial, k.file); err != nil {
		return err
	}
	k.written = content
	return nil
}

// serve answers /ready once the file holds what the cluster holds, and /alive while the writing loop turns.
//
// An API server that does not answer makes neither fail: a restart would not bring it back.
func (k *keeper) serve(address string) error {
	answer := func(good func() bool) http.HandlerFunc {
		return func(response http.ResponseWriter, _ *http.Request) {
			if !good() {
				response.WriteHeader(http.StatusServiceUnavailable)
			}
		}
	}
	routes := http.NewServeMux()
	routes.Handle("GET /ready", answer(k.ready.Load))
	routes.Handle("GET /alive", answer(func() bool {
		return time.Since(time.Unix(0, k.beaten.Load())) < stuck
	}))
	server := &http.Server{Addr: address, Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}
