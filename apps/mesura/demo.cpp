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
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
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

/// One number of the newest row of a table that has it; nothing: not there yet.
std::optional<double> newest(sqlite3* db, const std::string& table, const std::string& column) {
  sqlite3_stmt* prepared = nullptr;
  const std::string text =
      fmt::format("SELECT {0} FROM {1} WHERE {0} IS NOT NULL ORDER BY time DESC LIMIT 1", column, table);
  sqlite3_prepare_v2(db, text.c_str(), -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, FinishStatement> row{prepared};
  if (!row || sqlite3_step(row.get()) != SQLITE_ROW) return {};
  return sqlite3_column_double(row.get(), 0);
}

/// What a person with the sqlite3 shell would look for: a few of the newest values of each device.
struct Shown {
  const char* label;
  const char* table;
  const char* column;
  const char* unit;
  int decimals;
};
constexpr std::array<Shown, 8> kShown{{{"grid", "grid", "total_active_power_w", "W", 0},
                                       {"solar", "cupboard", "ct2_active_power_w", "W", 0},
                                       {"house", "cupboard", "ct5_active_power_w", "W", 0},
                                       {"load", "inverter", "ac_output_active_power_w", "W", 0},
                                       {"battery", "inverter", "battery_voltage_v", "V", 1},
                                       {"charge", "inverter", "battery_state_of_charge_pct", "%", 0},
                                       {"lab", "lab", "l1_voltage_v", "V", 2},
                                       {"", "lab", "l1_frequency_hz", "Hz", 3}}};

struct Row {
  std::string text;
  bool complete = false;  ///< something of every device
};

Row newest_row(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> db{raw};
  Row row;
  if (opened != SQLITE_OK) return row;
  sqlite3_busy_timeout(raw, 200);
  row.complete = true;
  for (const auto& shown : kShown) {
    const auto value = newest(raw, shown.table, shown.column);
    row.complete = row.complete && value.has_value();
    row.text += fmt::format("{}{}{:>{}} {}", *shown.label != 0 && !row.text.empty() ? " | " : " ", shown.label,
                            value ? fmt::format("{:.{}f}", *value, shown.decimals) : "-", shown.decimals == 0 ? 6 : 7,
                            shown.unit);
  }
  return row;
}

/// A virtual device on this machine, and where it says that it is.
class Simulated {
 public:
  Simulated(const std::string& plugin, const std::vector<std::string>& options, const std::filesystem::path& log)
      : child_(arguments(plugin, options), log), plugin_(plugin), log_(log) {}

  /// The address behind the next "serving KIND ADDRESS" of that kind.
  std::string address(const std::string& kind) {
    for (std::string line = child_.line(); !line.empty(); line = child_.line())
      if (const std::string head = "serving " + kind + " "; line.rfind(head, 0) == 0) return line.substr(head.size());
    throw std::runtime_error(fmt::format("the virtual {} did not start; {} tells why", plugin_, log_.string()));
  }
  [[nodiscard]] bool running() { return child_.running(); }

 private:
  static std::vector<std::string> arguments(const std::string& plugin, const std::vector<std::string>& options) {
    std::vector<std::string> all{"mesura", "simulate", plugin};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }

  Child child_;
  std::string plugin_;
  std::filesystem::path log_;
};

/// The four meters of the demo's house. Ports are free ones, so that two demos do not meet.
struct House {
  explicit House(const std::filesystem::path& directory, const std::filesystem::path& log)
      : pty((directory / "inverter.tty").string()),
        grid("dsmr_p1", {"--dialect", "be", "--pv", "4000", "--listen", "tcp:127.0.0.1:0"}, log),
        cupboard("ct6", {"--listen", "127.0.0.2", "--unicast", "--data-port", "0", "--http-port", "0"}, log),
        inverter("axpert", {"--model", "pi30max", "--pty", pty}, log),
        lab("smartmeter", {"--signal", "house", "--listen", "tcp:127.0.0.1:0"}, log) {
    grid_at = grid.address("tcp_listen");
    cupboard_at = cupboard.address("udp");
    (void)inverter.address("pty");
    lab_at = lab.address("tcp_listen");
  }
  [[nodiscard]] bool running() { return grid.running() && cupboard.running() && inverter.running() && lab.running(); }

  std::string pty;
  Simulated grid;
  Simulated cupboard;
  Simulated inverter;
  Simulated lab;
  std::string grid_at;
  std::string cupboard_at;
  std::string lab_at;
};

/// "127.0.0.1:2001" -> "host: 127.0.0.1, port: 2001"
std::string host_and_port(const std::string& address) {
  const auto colon = address.rfind(':');
  return fmt::format("host: {}, port: {}", address.substr(0, colon), address.substr(colon + 1));
}

/// A port of the loopback for the API: 8080 if nobody has it, else any that is free.
std::uint16_t api_port() {
  constexpr std::uint16_t kUsual = 8080;
  for (const std::uint16_t wanted : {kUsual, std::uint16_t{0}}) {
    const runtime::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int yes = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(wanted);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), generic, size) == 0 && ::getsockname(fd.get(), generic, &size) == 0)
      return ntohs(address.sin_port);
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

void write_configuration(const std::filesystem::path& file, const House& house, const std::filesystem::path& directory,
                         std::uint16_t port) {
  const std::string text = fmt::format(
      "# Written by `mesura demo`: four virtual meters into SQLite.\n"
      "timezone: Europe/Brussels\n"
      "state: \"{0}/state\"\n"
      "devices:\n"
      "  grid:\n"
      "    plugin: dsmr_p1\n"
      "    transport: {{tcp: {{{1}}}}}\n"
      "  cupboard:\n"
      "    plugin: ct6\n"
      "    transport: {{udp: {{{2}}}}}\n"
      "    channels: {{ct1: {{role: grid}}, ct2: {{role: solar}}, ct3: {{role: battery}}, ct5: {{role: load}}}}\n"
      "  inverter:\n"
      "    plugin: axpert\n"
      "    transport: {{serial: {{path: \"{3}\"}}}}\n"
      "    interval: 2s\n"
      "    control: true\n"
      "  lab:\n"
      "    plugin: smartmeter\n"
      "    transport: {{tcp: {{{4}}}}}\n"
      "    options: {{rate: 8000}}\n"
      "    control: true\n"
      "sinks:\n"
      "  local: {{sqlite: {{path: \"{0}/mesura.db\"}}}}\n"
      "routes:\n"
      "  - {{from: \"*\", to: local}}\n"
      "http: {{listen: \"127.0.0.1:{5}\"}}\n",
      directory.string(), host_and_port(house.grid_at), host_and_port(house.cupboard_at), house.pty,
      host_and_port(house.lab_at), port);
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
  House house{directory, log};
  const std::uint16_t port = api_port();
  write_configuration(configuration, house, directory, port);
  Child collector{{"mesura", "run", configuration.string()}, log};

  std::printf(
      "Four virtual meters, and a collector that stores them in SQLite:\n\n"
      "  grid       a Belgian P1 meter on %s\n  cupboard   a CT6 with six clamps on %s\n"
      "  inverter   an Axpert on %s\n  lab        a SmartMeter at 8 kHz on %s\n\n"
      "  configuration  %s\n  database       %s\n  log            %s\n  HTTP API       http://127.0.0.1:%u/api/v1/\n\n"
      "Try in another shell:\n"
      "  mesura status --config '%s'\n"
      "  curl 'http://127.0.0.1:%u/api/v1/query?series=grid/total/active_power&from=-5m&format=csv'\n"
      "  sqlite3 '%s' 'SELECT * FROM grid ORDER BY time DESC LIMIT 3'\n"
      "  mesura device inverter set_output_priority sbu --config '%s'\n\n"
      "The newest values in the database, as they arrive (^C ends the demo):\n",
      house.grid_at.c_str(), house.cupboard_at.c_str(), house.pty.c_str(), house.lab_at.c_str(), configuration.c_str(),
      database.c_str(), log.c_str(), unsigned{port}, configuration.c_str(), unsigned{port}, database.c_str(),
      configuration.c_str());
  std::fflush(stdout);

  bool complete = false;
  std::string last;
  bool died = false;
  const std::function<void()> look = [&] {
    if (!house.running() || !collector.running()) {
      died = true;
      loop.stop();
      return;
    }
    const Row row = newest_row(database);
    complete = complete || row.complete;
    if (!row.text.empty() && row.text != last) {
      std::printf("%s %s\n", runtime::format_time(clock.wall_ns(), runtime::Precision::seconds).c_str(),
                  row.text.c_str());
      std::fflush(stdout);
      last = row.text;
    }
    loop.after(std::chrono::seconds{1}, look);
  };
  look();
  if (options.duration) loop.after(*options.duration, [&] { loop.stop(); });
  loop.run();
  collector.stop();
  if (died)
    throw std::runtime_error(fmt::format("a meter or the collector ended on its own; {} tells why", log.string()));
  return complete || stopped ? kDone : kFailed;
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
