// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "support/decode_bench.hpp"

#include <cstdlib>
#include <new>

namespace mesura::bench {

std::uint64_t allocations = 0;

}  // namespace mesura::bench

void* operator new(std::size_t size) {
  ++mesura::bench::allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc{};
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace mesura::bench {
namespace {

CountingHost& self(mesura_host* host) { return *reinterpret_cast<CountingHost*>(host); }

}  // namespace

mesura_host_api CountingHost::table() {
  mesura_host_api t{};
  t.struct_size = sizeof t;
  t.abi_major = MESURA_ABI_MAJOR;
  t.abi_minor = MESURA_ABI_MINOR;
  t.series = [](mesura_host* h, const mesura_series_info*) { return self(h).series++; };
  t.attribute = [](mesura_host*, std::uint32_t, mesura_str, mesura_str) {};
  t.emit = [](mesura_host* h, const mesura_batch* batch) {
    std::copy_n(batch->items, std::min<std::size_t>(batch->count, self(h).copied.size()), self(h).copied.begin());
    self(h).measurements += batch->count;
  };
  t.frame = [](mesura_host* h, std::uint32_t, mesura_bytes) { ++self(h).frames; };
  t.fault = [](mesura_host* h, const mesura_fault*) { ++self(h).faults; };
  t.send = [](mesura_host*, std::uint32_t, mesura_bytes, mesura_str) { return 0; };
  t.set_lines = [](mesura_host*, std::uint32_t, std::int32_t, std::int32_t) { return 0; };
  t.arm = [](mesura_host*, std::uint32_t, std::int64_t) {};
  t.log = [](mesura_host*, std::uint32_t, mesura_str) {};
  return t;
}

Session::Session(CountingHost& host, const mesura_session_info& info)
    : api_(CountingHost::table()), plugin_(*mesura_plugin_query(nullptr, nullptr)) {
  session_ = plugin_.session->create(reinterpret_cast<mesura_host*>(&host), &api_, &info, &error_);
  if (session_ == nullptr) std::abort();
  plugin_.session->on_open(session_, 0, info.now_ns, &error_);
}

}  // namespace mesura::bench
