// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <mesura/store.hpp>

#include "store/archive.hpp"

namespace mesura::store {

Store::Store(std::unique_ptr<Archive> archive) : archive_(std::move(archive)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

}  // namespace mesura::store
