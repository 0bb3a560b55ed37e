// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mesura::transport::test {

/// A serial port that libserialport takes for real: kFakePort leads to a pseudo-terminal, and the program's own open,
/// realpath, readlink, lstat and ioctl answer what a pseudo-terminal can't. For the whole program.
constexpr const char* kFakePort = "/dev/ttyMESURA";
void lead_fake_port_to(const std::string& device);
/// TIOCM_RTS, TIOCM_DTR as they were set last.
int fake_lines();

}  // namespace mesura::transport::test
