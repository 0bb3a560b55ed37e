// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the sinks that write to pipes share.
#pragma once

#include <csignal>
#include <string>
#include <string_view>

namespace mesura::sinks {

/// While it lives, writing to a pipe that nobody reads is EPIPE for this thread, whatever the program does with
/// SIGPIPE: a library must not change what belongs to the whole process. Not to be moved between threads.
class NoSigpipe {
 public:
  NoSigpipe();
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t before_{};
  bool was_pending_ = false;
};

/// Foreign text for a message: control characters become \x1b, what is longer than `most` bytes ends in "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 500);

}  // namespace mesura::sinks
