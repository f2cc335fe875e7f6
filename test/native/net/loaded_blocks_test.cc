#include "net/loaded_blocks.h"

#include <doctest/doctest.h>

using uwsgiref::net::FileBlock;
using uwsgiref::net::LoadedBlocks;

TEST_CASE("a block counts as loaded for a while, and no other does") {
  LoadedBlocks blocks;
  const FileBlock block{.device = 1, .inode = 2, .number = 3};
  CHECK(!blocks.has(block, 0));
  blocks.note(block, 100);
  CHECK(blocks.has(block, 100));
  CHECK(blocks.has(block, 100 + LoadedBlocks::kLately - 1));
  CHECK(!blocks.has(block, 100 + LoadedBlocks::kLately));
  CHECK(!blocks.has({.device = 2, .inode = 2, .number = 3}, 100));
  CHECK(!blocks.has({.device = 1, .inode = 3, .number = 3}, 100));
  CHECK(!blocks.has({.device = 1, .inode = 2, .number = 4}, 100));
}

TEST_CASE("the blocks of one file have places of their own") {
  LoadedBlocks blocks;
  for (uint64_t number = 0; number < LoadedBlocks::kPlaces; number++) blocks.note({.inode = 7, .number = number}, 0);
  for (uint64_t number = 0; number < LoadedBlocks::kPlaces; number++) {
    CHECK(blocks.has({.inode = 7, .number = number}, 1));
  }
}
