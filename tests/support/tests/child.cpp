// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A process for the process test to start: it does what its arguments say, one after the other.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  for (int i = 1; i < argc; ++i) {
    const std::string argument{argv[i]};
    const auto value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("out=")) {
      std::fprintf(stdout, "%s\n", value.c_str());
    } else if (argument.starts_with("err=")) {
      std::fprintf(stderr, "%s\n", value.c_str());
    } else if (argument.starts_with("part=")) {
      std::fputs(value.c_str(), stdout);
    } else if (argument.starts_with("env=")) {
      const char* found = std::getenv(value.c_str());
      std::printf("%s=%s\n", value.c_str(), found != nullptr ? found : "(none)");
    } else if (argument.starts_with("flood=")) {
      for (int line = std::atoi(value.c_str()); line > 0; --line) std::printf("flood %d\n", line);
    } else if (argument == "cwd") {
      char* directory = ::getcwd(nullptr, 0);
      std::puts(directory);
      std::free(directory);
    } else if (argument == "cat") {
      for (int c = 0; (c = std::getchar()) != EOF;) std::putchar(c);
    } else if (argument == "block") {
      ::sigprocmask(SIG_BLOCK, &term, nullptr);
    } else if (argument == "term") {
      int number = 0;
      ::sigwait(&term, &number);
    } else if (argument == "forever") {
      for (;;) ::pause();
    } else if (argument.starts_with("exit=")) {
      return std::atoi(value.c_str());
    }
  }
  return 0;
}
