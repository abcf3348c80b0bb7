// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "log"

func main() {
	log.Fatal("bench pins processes to processors and reads their clocks: it runs on Linux")
}
