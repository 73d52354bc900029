using System;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>A move by the servers that is done: both ends say so, and both take the target for the owner.</summary>
/// <param name="Adopted">True where a task was found running, and no other was begun.</param>
/// <param name="Attempts">How many tasks were begun or found; 0 where the target owned the slots already.</param>
/// <param name="Elapsed">From the first look to the proof.</param>
/// <param name="Note">What else is to be known; null where there is nothing.</param>
internal sealed record AtomicOutcome(bool Adopted, int Attempts, TimeSpan Elapsed, string? Note);
