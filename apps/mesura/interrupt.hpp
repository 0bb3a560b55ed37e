// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace mesura::app {

/// SIGINT and SIGTERM as a flag, for work that looks at it; a second one ends the program as usual. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] static bool requested();

 private:
  struct sigaction int_ {};
  struct sigaction term_ {};
};

}  // namespace mesura::app
