using System;

namespace RedisClusterOps.Journal;

/// <summary>A slot that one of our runs took up and, as far as the journal knows, did not finish.</summary>
/// <param name="RunId">The newest such run.</param>
/// <param name="IsRunning">True while that run holds the cluster's lock.</param>
/// <param name="Slot">What the run was about to do to it.</param>
/// <param name="Since">When the oldest run in a row took it up that did not finish it, UTC.</param>
internal sealed record OpenIntent(string RunId, bool IsRunning, RedisMigrationSlot Slot, DateTime Since);
