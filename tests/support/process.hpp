// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mesura::test {

/// How a process ended.
struct Exit {
  int code = -1;   ///< exit status, or -1 after a signal
  int signal = 0;  ///< that killed it, or 0
  bool operator==(const Exit&) const = default;
};

struct Line {
  bool error = false;  ///< from stderr
  std::string text;    ///< without the line feed
};

/// How a process is started.
struct Command {
  std::vector<std::string> argv;                        ///< argv[0]: the program, looked up in $PATH if it has no '/'
  std::map<std::string, std::string> environment = {};  ///< added to that of the test
  std::filesystem::path directory = {};                 ///< to start in, or empty: that of the test
  std::string input = {};                               ///< all of its stdin, unless
  bool interactive = false;                             ///< Process::write() gives it more, line by line
};

/// A child process of a test: its lines are collected as they come, and it never outlives the test.
///
/// Waiting means waiting for an event: no call sleeps, and the deadlines are only there to end a test that has failed.
/// Servers are to bind port 0 and print what they got; wait_for_line() gives it to the test.
/// errors  std::runtime_error that quotes everything the process has said, when a deadline passes or the process ends
///         before the awaited line
/// thread  one caller at a time; the thread that makes it must outlive it, or the process dies with that thread
class Process {
 public:
  static constexpr std::chrono::seconds kPatience{30};

  /// Throws std::system_error if the program can't be started.
  explicit Process(Command command);
  /// Kills it.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The first line that holds `part` after the one that the last such call returned, from either stream. The order of
  /// lines of one stream is theirs; between the two streams it is up to chance.
  std::string wait_for_line(std::string_view part, std::chrono::milliseconds patience = kPatience);
  std::string wait_for_line(const std::function<bool(const Line&)>& wanted,
                            std::chrono::milliseconds patience = kPatience);

  /// To the stdin of an interactive process. Throws std::system_error when it reads no more.
  void write(std::string_view text);
  /// Does nothing after its end. Can't hit a stranger that got the same pid: it goes through a pidfd.
  void signal(int number);
  /// Waits for the end, after which lines() is complete.
  Exit wait(std::chrono::milliseconds patience = kPatience);
  /// SIGTERM, then wait().
  Exit stop(std::chrono::milliseconds patience = kPatience);
  [[nodiscard]] bool running() const;

  /// What it has said so far; out() and err() put a line feed after each line.
  [[nodiscard]] std::vector<Line> lines() const;
  [[nodiscard]] std::string out() const { return joined(false); }
  [[nodiscard]] std::string err() const { return joined(true); }
  [[nodiscard]] std::size_t count_lines(std::string_view part) const;

 private:
  void collect(int out, int err);
  void add(bool error, std::string_view bytes);
  [[nodiscard]] std::string joined(bool error) const;
  [[noreturn]] void give_up(std::string_view what) const;

  std::string name_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int input_ = -1;  // of an interactive process: the writing end of its stdin
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Line> lines_;
  std::string partial_[2];  // the unfinished line of each stream
  std::size_t next_ = 0;    // where wait_for_line goes on
  std::optional<Exit> exit_;
  std::thread collector_;
};

/// Runs a command to its end.
struct Finished {
  Exit exit;
  std::string out;
  std::string err;
};
Finished run(Command command, std::chrono::milliseconds patience = Process::kPatience);

}  // namespace mesura::test
