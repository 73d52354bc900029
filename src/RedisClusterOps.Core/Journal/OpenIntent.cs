using System;

namespace RedisClusterOps.Journal;

/// <summary>A slot that a run of ours took up and, as far as the journal knows, did not bring to an end.</summary>
/// <param name="Run">The newest such run.</param>
/// <param name="Slot">What it was about to do there.</param>
/// <param name="Since">When the first of the runs took it up that did not bring it to an end.</param>
internal sealed record OpenIntent(RedisMigration Run, RedisMigrationSlot Slot, DateTime Since);
