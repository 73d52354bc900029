using System;
using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>When something is an alert, and what is known from before.</summary>
public sealed record AlertOptions
{
    /// <summary>How long an open slot may make no progress, above zero.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>A file to remember by from one look to the next; null for none.</summary>
    public string? StatePath { get; init; }

    /// <summary>Folder of the journal; null for the user's own.</summary>
    public string? JournalPath { get; init; }

    /// <summary>Alerts of earlier looks.</summary>
    public IReadOnlyList<RedisClusterAlert> PreviousAlerts { get; init; } = [];

    /// <summary>Open slots as earlier looks found them.</summary>
    public IReadOnlyList<RedisOpenSlot> PreviousOpenSlots { get; init; } = [];
}
