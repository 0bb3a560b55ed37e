// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "mariadb.hpp"

#include <support/free_port.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

namespace mesura::test {
namespace {

constexpr char kServer[] = "/usr/sbin/mariadbd";
constexpr char kScripts[] = "/usr/share/mysql/";

std::string read(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) throw std::runtime_error("cannot read " + path + ": is mariadb-server-core installed?");
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::string> base_arguments(const std::filesystem::path& data) {
  std::vector<std::string> argv{kServer, "--no-defaults", "--datadir=" + data.string()};
  if (::geteuid() == 0) argv.emplace_back("--user=root");
  return argv;
}

}  // namespace

MariaDb::MariaDb(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  make_data();
  // The server can't be asked for any free port: another program may be faster than it, so try a few.
  for (int attempt = 0; attempt < 10; ++attempt) {
    port_ = free_port();
    if (run()) return;
  }
  throw std::runtime_error("mariadbd does not start:\n" + process_->err());
}

// What mariadb-install-db does, which needs programs of other packages.
void MariaDb::make_data() {
  const auto data = dir_ / "data";
  std::filesystem::create_directory(data);
  // Of its own: a server that starts removes what it takes for leftovers of another one in a shared directory.
  std::filesystem::create_directory(dir_ / "tmp");
  Command command;
  command.argv = base_arguments(data);
  command.argv.push_back("--tmpdir=" + (dir_ / "tmp").string());
  for (const char* argument : {"--bootstrap", "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M",
                               "--debug-no-sync", "--innodb-flush-method=nosync"})
    command.argv.emplace_back(argument);
  command.input = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n";
  for (const char* script : {"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql",
                             "maria_add_gis_sp_bootstrap.sql", "mysql_test_data_timezone.sql"})
    command.input += read(kScripts + std::string{script}) + "\n";
  const Finished made = test::run(std::move(command));
  if (made.exit != Exit{0, 0}) throw std::runtime_error("mariadbd --bootstrap failed:\n" + made.err);
}

bool MariaDb::run() {
  Command command;
  command.argv = base_arguments(dir_ / "data");
  command.argv.push_back("--tmpdir=" + (dir_ / "tmp").string());
  command.argv.push_back("--socket=" + socket());
  command.argv.push_back("--port=" + std::to_string(port_));
  for (const char* argument :
       {"--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-log-file-size=64M",
        "--innodb-buffer-pool-size=128M", "--max-allowed-packet=64M", "--character-set-server=utf8mb4",
        // What the kernel has got survives a killed server; tests cut no power.
        "--debug-no-sync", "--innodb-flush-method=nosync"})
    command.argv.emplace_back(argument);
  command.argv.insert(command.argv.end(), arguments_.begin(), arguments_.end());
  command.environment["TZ"] = "UTC";
  process_ = std::make_unique<Process>(std::move(command));
  try {
    process_->wait_for_line("ready for connections");
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

void MariaDb::start() {
  if (!run()) throw std::runtime_error("mariadbd does not start again:\n" + process_->err());
}

void MariaDb::start(std::vector<std::string> arguments) {
  arguments_ = std::move(arguments);
  start();
}

void MariaDb::freeze() {
  process_->signal(SIGSTOP);
  const auto stands = [&] {
    for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid()) + "/task"}) {
      const std::string stat = read(task.path() / "stat");
      if (stat.find(") T") == std::string::npos) return false;
    }
    return true;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!stands() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

void MariaDb::stop() { process_->stop(); }

void MariaDb::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

}  // namespace mesura::test
