// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/gzip.hpp"

#include "sinks/csv/device_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <new>
#include <utility>

namespace mesura::sinks::csv {
namespace {

constexpr int kGzipWindow = 15 + 16;  // deflateInit2: 16 asks for the gzip format
constexpr int kMemoryLevel = 8;

void write_all(int fd, const unsigned char* data, std::size_t size, const std::filesystem::path& path) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path, "writing", errno);
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

}  // namespace

struct Gzip::Stream {
  Stream() {
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  z_stream z{};
  std::array<unsigned char, 64 * 1024> in;
  std::array<unsigned char, 64 * 1024> out;
};

Gzip::Gzip(std::filesystem::path file)
    : file_(std::move(file)), part_(file_.string() + ".gz.part"), stream_(std::make_unique<Stream>()) {
  in_.reset(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in_) fail_io(file_, "opening", errno);
  out_.reset(::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out_) fail_io(part_, "making", errno);
}

Gzip::~Gzip() = default;

bool Gzip::step(std::chrono::steady_clock::time_point deadline) {
  z_stream& z = stream_->z;
  while (std::chrono::steady_clock::now() < deadline) {
    const ssize_t n = ::read(in_.get(), stream_->in.data(), stream_->in.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(file_, "reading", errno);
    z.next_in = stream_->in.data();
    z.avail_in = static_cast<unsigned>(n);
    const int flush = n == 0 ? Z_FINISH : Z_NO_FLUSH;
    int code = Z_OK;
    do {
      z.next_out = stream_->out.data();
      z.avail_out = static_cast<unsigned>(stream_->out.size());
      code = deflate(&z, flush);
      write_all(out_.get(), stream_->out.data(), stream_->out.size() - z.avail_out, part_);
    } while (z.avail_out == 0);
    if (code == Z_STREAM_END) {
      finish();
      return true;
    }
  }
  return false;
}

void Gzip::finish() {
  const std::filesystem::path whole = file_.string() + ".gz";
  if (::fdatasync(out_.get()) != 0) fail_io(part_, "syncing", errno);
  if (::rename(part_.c_str(), whole.c_str()) != 0) fail_io(part_, "renaming", errno);
  sync_directory(file_.parent_path());
  if (::unlink(file_.c_str()) != 0 && errno != ENOENT) fail_io(file_, "removing", errno);
}

}  // namespace mesura::sinks::csv
