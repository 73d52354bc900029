using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Reports;

/// <summary>All that a report tells.</summary>
/// <param name="Runs">Those of the journal that were on this cluster, newest first.</param>
/// <param name="JournalTrouble">Why the journal could not be read; null where it could.</param>
internal sealed record ClusterReport(RedisClusterHealth Health, SlotChart Chart, IReadOnlyList<RedisMigration> Runs, DateTime TakenAtUtc, string? JournalTrouble)
{
    /// <summary>The alerts that are active, the worst first.</summary>
    public IReadOnlyList<RedisClusterAlert> Alerts { get; init; } = [];

    /// <summary>How long an open slot may make no progress before it is one of them.</summary>
    public TimeSpan StuckAfter { get; init; } = new AlertOptions().StuckAfter;

    /// <summary>Renders a next action as a command of the front end.</summary>
    public Func<NextAction, string> NextActionText { get; init; } = next => next.ToString();

    /// <summary>Open slots of which neither the journal nor a watcher tells since when: they are no alert, however long they have been stuck.</summary>
    public int SlotsOfUnknownAge => Health.OpenSlots.Count(slot => slot is { Since: null, LastProgress: null } && AlertWatch.CanBeStuck(slot.State));
}
