// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite_backup.hpp"

#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace mesura::database {
namespace {

// A megabyte or so: the progress bar moves, and a slow disk is not asked for too much at once.
constexpr int kPagesAStep = 256;

struct Finish {
  void operator()(sqlite3_backup* b) const { sqlite3_backup_finish(b); }
};

[[noreturn]] void fail_io(const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), path.string());
}

void sync(const std::filesystem::path& path, int flags) {
  const runtime::UniqueFd fd{::open(path.c_str(), flags | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) fail_io(path);
}

// Removes the unfinished copy, whatever ended it.
class Partial {
 public:
  explicit Partial(std::filesystem::path path) : path_(std::move(path)) { remove(); }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  ~Partial() { remove(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
      std::filesystem::remove(path_.string() + suffix, ignored);
    }
  }
  std::filesystem::path path_;
};

void copy(const Database& source, const Database& copy, const std::function<void(const BackupProgress&)>& progress) {
  const std::unique_ptr<sqlite3_backup, Finish> job{
      sqlite3_backup_init(copy.handle(), "main", source.handle(), "main")};
  if (!job) throw Error(sqlite3_errcode(copy.handle()), sqlite3_errmsg(copy.handle()));
  const auto page = static_cast<std::uint64_t>(source.integer("PRAGMA page_size"));
  for (;;) {
    const int code = sqlite3_backup_step(job.get(), kPagesAStep);
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(job.get()));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(job.get()));
    progress({(total - left) * page, total * page, false});
    if (code == SQLITE_DONE) return;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
      sqlite3_sleep(20);
    else if (code != SQLITE_OK)
      throw Error(code, sqlite3_errstr(code));
  }
}

}  // namespace

std::uint64_t backup(const std::filesystem::path& from, const std::filesystem::path& to,
                     const std::function<void(const BackupProgress&)>& progress) {
  if (!std::filesystem::exists(from)) {
    throw std::system_error(ENOENT, std::generic_category(), from.string());
  }
  if (std::filesystem::exists(to)) throw std::runtime_error(to.string() + " is there already");
  const Partial partial{to.string() + ".partial"};
  {
    const Database source{from};
    const Database target{partial.path()};
    // In a read transaction the writer's commits do not make the copy start again.
    source.execute("BEGIN");
    static_cast<void>(source.integer("SELECT count(*) FROM sqlite_schema"));
    copy(source, target, progress);
    source.execute("COMMIT");
    // One file without a -wal beside it.
    target.execute("PRAGMA journal_mode = DELETE");
    const std::uint64_t size = std::filesystem::file_size(partial.path());
    progress({size, size, true});
    if (const std::string answer = target.text("PRAGMA integrity_check(1)"); answer != "ok") {
      throw std::runtime_error(fmt::format("the copy of {} is damaged: {}", from.string(), answer));
    }
  }
  const std::uint64_t size = std::filesystem::file_size(partial.path());
  sync(partial.path(), O_RDONLY);
  // Not rename(): a file that has come meanwhile stays.
  if (::link(partial.path().c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) throw std::runtime_error(to.string() + " is there already");
    // File systems without links.
    if (::rename(partial.path().c_str(), to.c_str()) != 0) fail_io(to);
  }
  const std::filesystem::path directory = to.parent_path().empty() ? "." : to.parent_path();
  sync(directory, O_RDONLY | O_DIRECTORY);
  return size;
}

}  // namespace mesura::database
