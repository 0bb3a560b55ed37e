// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/state_check.hpp"

#include "database/sqlite.hpp"
#include "runtime/unique_fd.hpp"
#include "spool/spool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <system_error>

namespace mesura::doctor {
namespace {

namespace fs = std::filesystem;
using SteadyTime = std::chrono::steady_clock::time_point;

int read_pid(int fd) {
  std::array<char, 32> text{};
  const auto n = ::pread(fd, text.data(), text.size(), 0);
  int pid = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, pid);
  return pid;
}

/// An audit log that can't be written lets no command out.
void check_audit(const fs::path& state, Findings& out) {
  const fs::path file = state / "audit.jsonl";
  std::error_code error;
  if (!fs::exists(file, error)) return;  // made where the directory can be written, which is another check
  if (::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0) {
    out.push_back({Severity::good, "doc-audit", "audit log", file.string() + " can be written"});
    return;
  }
  out.push_back({Severity::error,
                 "doc-audit",
                 "audit log",
                 file.string() + " can't be written: no command that changes a device goes out",
                 "a file that the service may write",
                 std::generic_category().message(errno),
                 "give it to the user that the service runs as",
                 {fmt::format("sudo chown --reference {} {}", shell_word(state.string()), shell_word(file.string()))}});
}

void check_spool(const fs::path& state, const std::string& sink, Findings& out) {
  const std::string where = "spool of sink " + sink;
  try {
    SeriesTable series;
    const spool::Spool spool{spool::spool_path(state, sink), series,
                             runtime::Logger{std::make_shared<runtime::Log>(), "doctor"}, spool::Spool::Mode::reader};
    const auto contents = spool.contents();
    if (contents.dead > 0)
      out.push_back({Severity::warning,
                     "doc-spool-dead",
                     where,
                     fmt::format("{} measurements were refused by the sink for good", contents.dead),
                     "no dead letters",
                     fmt::format("{}", contents.dead),
                     "see why, then put them back or export them",
                     {"mesura spool ls " + sink, "mesura spool requeue " + sink}});
    if (contents.values > 0)
      out.push_back({Severity::note, "doc-spool-waiting", where,
                     fmt::format("{} measurements wait to be written", contents.values)});
    if (contents.dead == 0 && contents.values == 0) out.push_back({Severity::good, "doc-spool", where, "empty"});
  } catch (const std::exception& e) {
    Finding broken{Severity::error, "doc-spool", where, ""};
    take_message(broken, e.what());
    broken.remedy += broken.remedy.empty() ? "`mesura spool check` tells what can still be read" : "";
    out.push_back(std::move(broken));
  }
}

int check_time(void* until) { return std::chrono::steady_clock::now() > *static_cast<SteadyTime*>(until) ? 1 : 0; }

}  // namespace

int running_service(const fs::path& state) {
  const fs::path file = state / "mesura.lock";
  const runtime::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return errno == EACCES ? kUnknownService : 0;
  // Shared: two doctors do not hinder each other, and a service that starts now finds it free again at once.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return 0;
  return errno == EWOULDBLOCK ? read_pid(fd.get()) : 0;
}

void check_state(const fs::path& state, int service, const std::vector<std::string>& sinks, Findings& out) {
  if (service == kUnknownService) {
    out.push_back({Severity::warning, "doc-state-access", "state " + state.string(),
                   "this user may not look into it: whether a service runs is not known, so devices are left alone",
                   "to be the user that the service runs as, or root", "Permission denied",
                   "ask as that user: `sudo -u USER mesura doctor ...`"});
    return;
  }
  if (service != 0)
    out.push_back({Severity::good, "doc-service", "state " + state.string(),
                   fmt::format("a service runs here (pid {}): its devices and ports are left to it", service)});
  else
    out.push_back({Severity::note, "doc-service", "state " + state.string(), "no service runs here"});
  std::error_code error;
  if (!fs::exists(state, error)) return;
  struct stat status {};
  if (::stat(state.c_str(), &status) == 0 && (status.st_mode & 0002U) != 0)
    out.push_back({Severity::warning,
                   "doc-state-open",
                   "state " + state.string(),
                   "everybody may write the state directory, which holds accounts and the audit log",
                   "mode 0750",
                   fmt::format("{:04o}", status.st_mode & 07777U),
                   "close it",
                   {"chmod o-rwx " + shell_word(state.string())}});
  check_audit(state, out);
  for (const auto& sink : spool::spool_names(state))
    if (sinks.empty() || std::find(sinks.begin(), sinks.end(), sink) != sinks.end()) check_spool(state, sink, out);
}

void check_sqlite(const std::string& where, const fs::path& file, int patience_s, Findings& out) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return;  // made when the service starts
  try {
    const database::Database db{file, database::Database::Open::read_only};
    SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds{patience_s};
    ::sqlite3_progress_handler(db.handle(), 10'000, check_time, &until);
    const std::string word = db.text("PRAGMA quick_check(1)");
    if (word == "ok") {
      out.push_back({Severity::good, "doc-sqlite", where, file.string() + " is whole"});
      return;
    }
    out.push_back({Severity::error,
                   "doc-sqlite",
                   where,
                   file.string() + " is damaged",
                   "ok",
                   word,
                   "the service moves it aside at its next start and takes over what can be read; keep a copy first",
                   {fmt::format("cp {} {}", shell_word(file.string()), shell_word(file.string() + ".damaged"))}});
  } catch (const database::Error& e) {
    if (e.primary() == SQLITE_INTERRUPT) {
      out.push_back(
          {Severity::note, "doc-sqlite-large", where,
           fmt::format("{} is too large to be read within {} s; what was read is whole", file.string(), patience_s)});
      return;
    }
    const bool busy = e.primary() == SQLITE_BUSY || e.primary() == SQLITE_LOCKED;
    Finding failed{busy ? Severity::note : Severity::error, "doc-sqlite", where,
                   file.string() + (busy ? " is busy" : " can't be read as a database")};
    failed.expected = "a database of SQLite";
    failed.got = e.what();
    if (!busy) failed.remedy = "the service moves a damaged file aside at its next start; keep a copy first";
    out.push_back(std::move(failed));
  }
}

}  // namespace mesura::doctor
