using System;
using System.Collections.Concurrent;

namespace RedisClusterOps;

/// <summary>What an event of a running operation is.</summary>
public enum OperationEventKind
{
    /// <summary>A step that changed the state of a slot; one line.</summary>
    State,

    /// <summary>Keys moved so far; the numbers are in the event.</summary>
    Progress,

    /// <summary>Something that an operator must know.</summary>
    Warning,

    /// <summary>A command that went to a node, without secrets, values or batches of key names.</summary>
    Command,
}

/// <summary>One thing that happened in a running operation.</summary>
public sealed record OperationEvent
{
    /// <summary>What it is.</summary>
    public OperationEventKind Kind { get; init; }

    /// <summary>The slot it is about; null where it is about none.</summary>
    public int? Slot { get; init; }

    /// <summary>One line for people; of progress, what is being waited for, or nothing.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>Of progress: keys moved so far.</summary>
    public long KeysDone { get; init; }

    /// <summary>Of progress: keys to move in all, as counted when the move began.</summary>
    public long KeysTotal { get; init; }

    /// <summary>Of progress of many slots: slots done so far.</summary>
    public int SlotsDone { get; init; }

    /// <summary>Of progress of many slots: slots to move in all; 0 where it is about one slot.</summary>
    public int SlotsTotal { get; init; }

    /// <summary>Of progress: time since the move began.</summary>
    public TimeSpan Elapsed { get; init; }
}

/// <summary>Events of a running operation, in one queue. The core puts them in from whatever thread; the cmdlet or console takes them out on its own.</summary>
public sealed class OperationLog : IDisposable
{
    // Bounded, so that a caller that never looks costs no memory; what does not fit is dropped, never waited for.
    private readonly BlockingCollection<OperationEvent> _events = new(new ConcurrentQueue<OperationEvent>(), 10_000);

    /// <summary>True to have every command put in as well.</summary>
    public bool Commands { get; init; }

    /// <summary>Takes the next event, waiting a little for it.</summary>
    /// <param name="taken">The event.</param>
    /// <param name="wait">How long to wait; zero to only look.</param>
    /// <returns>False where none came.</returns>
    public bool TryTake(out OperationEvent? taken, TimeSpan wait) => _events.TryTake(out taken, wait);

    /// <summary>Frees the queue.</summary>
    public void Dispose() => _events.Dispose();

    internal void State(int? slot, string message) => _events.TryAdd(new OperationEvent { Kind = OperationEventKind.State, Slot = slot, Message = message });

    internal void Warning(int? slot, string message) => _events.TryAdd(new OperationEvent { Kind = OperationEventKind.Warning, Slot = slot, Message = message });

    internal void Command(string message) => _events.TryAdd(new OperationEvent { Kind = OperationEventKind.Command, Message = message });

    internal void Progress(int slot, long done, long total, TimeSpan elapsed) => Progress(
        new OperationEvent { Kind = OperationEventKind.Progress, Slot = slot, KeysDone = done, KeysTotal = total, Elapsed = elapsed });

    internal void Progress(OperationEvent progress) => _events.TryAdd(progress);
}
