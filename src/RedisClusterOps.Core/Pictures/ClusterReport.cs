using System;
using System.Collections.Generic;

namespace RedisClusterOps.Pictures;

/// <summary>All that a report tells.</summary>
/// <param name="Runs">Those of the journal that were on this cluster, newest first.</param>
/// <param name="JournalTrouble">Why the journal could not be read; null where it could.</param>
internal sealed record ClusterReport(RedisClusterHealth Health, SlotChart Chart, IReadOnlyList<RedisMigration> Runs, DateTime TakenAtUtc, string? JournalTrouble);
