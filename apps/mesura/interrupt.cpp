// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "interrupt.hpp"

namespace mesura::app {
namespace {

volatile std::sig_atomic_t requests = 0;

void note(int signal) {
  requests = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt() {
  requests = 0;
  struct sigaction action {};
  action.sa_handler = note;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &int_);
  ::sigaction(SIGTERM, &action, &term_);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &int_, nullptr);
  ::sigaction(SIGTERM, &term_, nullptr);
}

bool Interrupt::requested() { return requests != 0; }

}  // namespace mesura::app
