// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite_salvage.hpp"

#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <span>
#include <system_error>
#include <utility>

namespace mesura::database {

bool is_damage(const Error& e) {
  return e.primary() == SQLITE_CORRUPT || e.primary() == SQLITE_NOTADB || e.primary() == SQLITE_IOERR;
}

Salvage::Salvage(const Database& db, SalvageSource source)
    : db_(db), source_(std::move(source)), next_key_(source_.least) {}

std::string Salvage::condition() const {
  return fmt::format("{0} >= ?1 AND {0} <= {1}{2}{3}", source_.key, source_.greatest,
                     source_.where.empty() ? "" : " AND ", source_.where);
}

bool Salvage::next(std::size_t rows, const std::function<void(const Statement&)>& visit) {
  std::size_t taken = 0;
  while (!done_ && taken < rows) {
    try {
      if (!read_) {
        read_ = select("");
        read_->bind(1, next_key_);
      }
      while (taken < rows) {
        if (!read_->step()) {
          done_ = true;
          break;
        }
        const std::int64_t key = read_->integer(0);
        // Out of order: the page was overwritten with something that looks like rows.
        if (key < next_key_) throw Error(SQLITE_CORRUPT, "keys out of order");
        next_key_ = key;
        visit(*read_);
        reach_ = 1;
        ++rows_;
        ++taken;
      }
    } catch (const Error& e) {
      if (!is_damage(e)) throw;
      read_.reset();
      // Several tries in a row are one hole.
      if (reach_ == 1) ++holes_;
      done_ = !skip_ahead();
    }
  }
  if (done_) read_.reset();
  return !done_;
}

Statement Salvage::select(std::string_view limit) const {
  std::string names = source_.key;
  for (const std::string& c : source_.columns) names += ", " + quote_name(c);
  return db_.prepare(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {}{}", names, quote_name(source_.table),
                                 condition(), source_.key, limit));
}

bool Salvage::readable_from(std::int64_t key) const {
  try {
    Statement probe = select(" LIMIT 1");
    probe.bind(1, key);
    return !probe.step() || probe.integer(0) >= key;
  } catch (const Error& e) {
    if (!is_damage(e)) throw;
    return false;
  }
}

// Finds the first key behind the damage: steps that double, then halves. `reach_` makes sure that damage which shows
// only behind its first row is left behind, too.
bool Salvage::skip_ahead() {
  const auto distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  const std::uint64_t far = distance(next_key_, source_.greatest);
  std::int64_t bad = next_key_;
  for (std::uint64_t step = reach_; step <= far; step = step > far / 2 && step != far ? far : step * 2) {
    const auto key = static_cast<std::int64_t>(static_cast<std::uint64_t>(next_key_) + step);
    reach_ = step > far / 2 ? far : step * 2;
    if (readable_from(key)) {
      std::int64_t good = key;
      while (distance(bad, good) > 1) {
        const auto middle = static_cast<std::int64_t>(static_cast<std::uint64_t>(bad) + distance(bad, good) / 2);
        (readable_from(middle) ? good : bad) = middle;
      }
      next_key_ = good;
      return true;
    }
    bad = key;
    if (step == far) break;
  }
  return false;
}

namespace {

void read_at(int fd, std::span<unsigned char> into, std::int64_t at) {
  if (::pread(fd, into.data(), into.size(), at) != static_cast<ssize_t>(into.size())) {
    throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), "reading the header");
  }
}

void put_u32(std::span<unsigned char> bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<unsigned char>(value >> (24 - 8 * i));
}

}  // namespace

bool mend_header(const std::filesystem::path& file) {
  const runtime::UniqueFd fd{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
  if (!fd) throw std::system_error(errno, std::generic_category(), file.string());
  std::array<unsigned char, 100> header{};
  errno = 0;
  read_at(fd.get(), header, 0);
  constexpr std::size_t kPage = 4096;  // SQLite's default, which nobody here changes
  std::array<unsigned char, 100> good{};
  std::memcpy(good.data(), "SQLite format 3", 16);
  good[16] = kPage >> 8;
  good[18] = good[19] = 2;  // WAL
  good[21] = 64;
  good[22] = good[23] = 32;
  if (std::equal(good.begin(), good.begin() + 24, header.begin())) return false;
  // Size in pages 0: it is that of the file. Schema format 4, UTF-8.
  put_u32(good, 44, 4);
  put_u32(good, 56, 1);
  std::ofstream kept{file.string() + ".header", std::ios::binary};
  kept.write(reinterpret_cast<const char*>(header.data()), header.size());
  kept.close();
  if (::pwrite(fd.get(), good.data(), good.size(), 0) != static_cast<ssize_t>(good.size()) ||
      ::fdatasync(fd.get()) != 0) {
    throw std::system_error(errno, std::generic_category(), file.string());
  }
  return true;
}

std::optional<std::string> find_damage(const Database& db, int seconds) {
  struct Limit {
    std::chrono::steady_clock::time_point end;
    sqlite3* db;
    ~Limit() { sqlite3_progress_handler(db, 0, nullptr, nullptr); }
  } limit{std::chrono::steady_clock::now() + std::chrono::seconds{seconds}, db.handle()};
  sqlite3_progress_handler(
      db.handle(), 10'000,
      [](void* p) { return std::chrono::steady_clock::now() > static_cast<Limit*>(p)->end ? 1 : 0; }, &limit);
  try {
    const std::string answer = db.text("PRAGMA quick_check(1)");
    if (answer == "ok") return std::nullopt;
    return answer;
  } catch (const Error& e) {
    if (e.primary() == SQLITE_INTERRUPT) return std::nullopt;
    if (is_damage(e) && e.primary() != SQLITE_IOERR) return e.what();
    throw;
  }
}

std::filesystem::path set_aside(const std::filesystem::path& file) {
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string plain = fmt::format("{}.damaged-{:%Y%m%dT%H%M%SZ}", file.string(), fmt::gmtime(now));
  std::string name = plain;
  for (int n = 2; std::filesystem::exists(name); ++n) name = fmt::format("{}-{}", plain, n);
  // The file last: while it has its name, nothing has happened.
  for (const char* suffix : {"-wal", "-shm", ""}) {
    std::error_code error;
    std::filesystem::rename(file.string() + suffix, name + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      throw std::system_error(error, "moving " + file.string() + suffix + " aside");
    }
  }
  return name;
}

}  // namespace mesura::database
