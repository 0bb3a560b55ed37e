// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "support/heap_count.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace mesura::test::heap {

std::size_t allocations = 0;
std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

}  // namespace mesura::test::heap

using namespace mesura::test::heap;

void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc{};
  ++allocations;
  live_bytes += malloc_usable_size(p);
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
  return p;
}
void operator delete(void* p) noexcept {
  if (p != nullptr) live_bytes -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }
