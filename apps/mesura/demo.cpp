// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura demo: virtual meters, the collector and SQLite, as three programs of a real house would run, in one go.
#include "setup.hpp"
#include "verbs.hpp"

#include "config/units.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

namespace {

/// This program again, as a child that ends with us.
class Child {
 public:
  /// `log` takes its stderr; its stdout comes to us.
  Child(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
    out_ = runtime::UniqueFd{ends[0]};
    const runtime::UniqueFd in{ends[1]};
    const runtime::UniqueFd err{::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
    std::vector<char*> argv;
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(errno)));
    if (pid_ > 0) return;
    // In the child: only calls that are safe after fork.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::setpgid(0, 0);  // ^C is for us: we stop the children in order
    ::dup2(in.get(), STDOUT_FILENO);
    ::dup2(err.get(), STDERR_FILENO);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ~Child() { stop(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next line of its stdout; empty when it has ended.
  std::string line() {
    std::string text;
    char c = 0;
    while (::read(out_.get(), &c, 1) == 1 && c != '\n') text += c;
    return text;
  }
  [[nodiscard]] bool running() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }
  void stop() {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  runtime::UniqueFd out_;
};

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

/// The newest row of the meter's table, as a person with the sqlite3 shell would ask for it. Empty: nothing there yet.
std::string newest_row(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> db{raw};
  if (opened != SQLITE_OK) return {};
  sqlite3_stmt* prepared = nullptr;
  constexpr const char* kQuery =
      "SELECT time, total_active_power_w, l1_voltage_v, t1_active_energy_import_wh, t2_active_energy_import_wh, "
      "(SELECT count(*) FROM grid) "
      "FROM grid WHERE total_active_power_w IS NOT NULL ORDER BY time DESC LIMIT 1";
  sqlite3_prepare_v2(db.get(), kQuery, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, FinishStatement> row{prepared};
  if (!row || sqlite3_step(row.get()) != SQLITE_ROW) return {};
  return fmt::format("{}  {:>7.0f} W  {:>6.1f} V  day {:>10.3f} kWh  night {:>10.3f} kWh  {:>6} rows",
                     runtime::format_time(sqlite3_column_int64(row.get(), 0) * 1000, runtime::Precision::seconds),
                     sqlite3_column_double(row.get(), 1), sqlite3_column_double(row.get(), 2),
                     sqlite3_column_double(row.get(), 3) / 1000, sqlite3_column_double(row.get(), 4) / 1000,
                     sqlite3_column_int64(row.get(), 5));
}

void write_configuration(const std::filesystem::path& file, const std::string& meter,
                         const std::filesystem::path& directory) {
  const auto colon = meter.rfind(':');
  const std::string text = fmt::format(
      "# Written by `mesura demo`: a Belgian P1 meter over TCP into SQLite.\n"
      "timezone: Europe/Brussels\n"
      "state: \"{0}/state\"\n"
      "devices:\n"
      "  grid:\n"
      "    plugin: dsmr_p1\n"
      "    transport: {{tcp: {{host: {1}, port: {2}}}}}\n"
      "sinks:\n"
      "  local: {{sqlite: {{path: \"{0}/mesura.db\"}}}}\n"
      "routes:\n"
      "  - {{from: \"*\", to: local}}\n",
      directory.string(), meter.substr(0, colon), meter.substr(colon + 1));
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr || std::fputs(text.c_str(), out) < 0 || std::fclose(out) != 0)
    throw std::runtime_error(fmt::format("{}: can't be written: {}", file.string(), std::strerror(errno)));
}

int run_demo(const DemoOptions& options) {
  const std::filesystem::path directory = std::filesystem::absolute(options.directory.value_or("mesura-demo"));
  std::filesystem::create_directories(directory);
  const auto log = directory / "mesura.log";
  const auto configuration = directory / "mesura.yaml";
  const auto database = directory / "mesura.db";

  runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  bool stopped = false;
  const Signals signals{loop, [&](int) {
                          stopped = true;
                          loop.stop();
                        }};
  Child meter{{"mesura", "simulate", "dsmr_p1", "--dialect", "be", "--profile", "house", "--listen", "tcp:127.0.0.1:0"},
              log};
  const std::string serving = meter.line();
  if (serving.empty())
    throw std::runtime_error(fmt::format("the virtual meter did not start; {} tells why", log.string()));
  const std::string address = serving.substr(serving.rfind(' ') + 1);
  write_configuration(configuration, address, directory);
  Child collector{{"mesura", "run", configuration.string()}, log};

  std::printf(
      "A virtual Belgian P1 meter speaks on %s; a collector stores it in SQLite.\n\n"
      "  configuration  %s\n  database       %s\n  log            %s\n\n"
      "Try in another shell:\n"
      "  mesura status --config '%s'\n"
      "  sqlite3 '%s' 'SELECT * FROM grid ORDER BY time DESC LIMIT 3'\n\n"
      "The newest row of table `grid`, as it arrives (^C ends the demo):\n",
      address.c_str(), configuration.c_str(), database.c_str(), log.c_str(), configuration.c_str(), database.c_str());
  std::fflush(stdout);

  bool arrived = false;
  std::string last;
  bool died = false;
  const std::function<void()> look = [&] {
    if (!meter.running() || !collector.running()) {
      died = true;
      loop.stop();
      return;
    }
    const std::string row = newest_row(database);
    if (!row.empty() && row != last) {
      arrived = true;
      std::printf("%s\n", row.c_str());
      std::fflush(stdout);
      last = row;
    }
    loop.after(std::chrono::milliseconds{500}, look);
  };
  look();
  if (options.duration) loop.after(*options.duration, [&] { loop.stop(); });
  loop.run();
  collector.stop();
  meter.stop();
  if (died)
    throw std::runtime_error(fmt::format("the meter or the collector ended on its own; {} tells why", log.string()));
  return arrived || stopped ? kDone : kFailed;
}

}  // namespace

int demo(const DemoOptions& options) {
  try {
    return run_demo(options);
  } catch (const std::exception& e) {
    std::fputs(fmt::format("mesura demo: error[demo]: {}\n", e.what()).c_str(), stderr);
    return kFailed;
  }
}

}  // namespace mesura::app
