// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "prompt.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>

namespace mesura::app {

namespace {

constexpr std::size_t kMostLine = 4096;

void ignore(int) {}

/// ^C ends the question, not the program: the terminal would stay as it is. Also where signals wait for a loop.
class Interruptible {
 public:
  Interruptible() {
    struct sigaction action {};
    action.sa_handler = ignore;  // without SA_RESTART: read() returns
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &before_);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    ::pthread_sigmask(SIG_UNBLOCK, &set, &mask_);
  }
  ~Interruptible() {
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    ::sigaction(SIGINT, &before_, nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction before_ {};
  sigset_t mask_{};
};

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::optional<std::string> read_line() {
  const Interruptible interruptible;
  std::string line;
  char c = 0;
  for (;;) {
    const auto n = ::read(STDIN_FILENO, &c, 1);
    if (n <= 0) {
      say("\n");
      return std::nullopt;
    }
    if (c == '\n') break;
    if (line.size() < kMostLine) line += c;
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace

Silence::Silence(int fd) : fd_(fd) {
  if (::tcgetattr(fd_, &before_) != 0) return;
  termios silent = before_;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  changed_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
}

Silence::~Silence() {
  if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
}

bool Prompt::possible() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0; }

std::optional<std::string> Prompt::ask(std::string_view question) {
  say(question);
  return read_line();
}

std::optional<std::string> Prompt::ask_secret(std::string_view question) {
  say(question);
  const Silence silence{STDIN_FILENO};
  auto line = read_line();
  if (line) say("\n");
  return line;
}

}  // namespace mesura::app
