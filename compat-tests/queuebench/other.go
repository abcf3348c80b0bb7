// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "log"

func main() { log.Fatal("queuebench measures with getrusage and fdatasync: it runs on Linux") }
