using System;
using System.Collections.Concurrent;
using System.Globalization;
using System.Threading;

namespace RedisClusterOps;

/// <summary>The kind of an event.</summary>
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

/// <summary>An event of an operation in progress.</summary>
public sealed record OperationEvent
{
    /// <summary>The kind of event.</summary>
    public OperationEventKind Kind { get; init; }

    /// <summary>The slot it is about; null if it is about none.</summary>
    public int? Slot { get; init; }

    /// <summary>
    /// The text, one line. In a progress event, what the operation waits for or why keys move slowly; empty if neither applies.
    /// </summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>In a progress event, the keys moved so far.</summary>
    public long KeysDone { get; init; }

    /// <summary>In a progress event, all keys to move, as counted when the move began.</summary>
    public long KeysTotal { get; init; }

    /// <summary>In a progress event of many slots, the slots done so far.</summary>
    public int SlotsDone { get; init; }

    /// <summary>In a progress event of many slots, all slots to move; 0 for a single slot.</summary>
    public int SlotsTotal { get; init; }

    /// <summary>In a progress event, the time since the move began.</summary>
    public TimeSpan Elapsed { get; init; }
}

/// <summary>A queue of the events of a running operation. The core adds from any thread; the cmdlet takes on its own.</summary>
/// <remarks>
/// Bounded, so that a caller that never takes costs little memory, and adding never waits. Beyond 10,000 waiting messages, further verbose,
/// debug and progress messages are dropped, and their number is reported. Warnings are never dropped.
/// </remarks>
public sealed class OperationLog : IDisposable
{
    private const int MostDroppable = 10_000;

    private readonly BlockingCollection<OperationEvent> _events = new(new ConcurrentQueue<OperationEvent>());
    private int _droppable;
    private int _dropped;

    /// <summary>True to add every command as well.</summary>
    public bool Commands { get; init; }

    /// <summary>Renders a next action that a warning names.</summary>
    internal Func<NextAction, string> NextActionText { get; set; } = next => next.ToString();

    /// <summary>Takes the next event. Waits if there is none.</summary>
    /// <param name="taken">The event.</param>
    /// <param name="wait">How long to wait; zero not to wait.</param>
    /// <returns>False if no event came in that time.</returns>
    public bool TryTake(out OperationEvent? taken, TimeSpan wait)
    {
        if (!_events.TryTake(out taken))
        {
            var dropped = Interlocked.Exchange(ref _dropped, 0);
            if (dropped > 0)
            {
                taken = new OperationEvent
                {
                    Kind = OperationEventKind.State,
                    Message = dropped.ToString(CultureInfo.InvariantCulture)
                        + " verbose, debug and progress messages were dropped because they came faster than they were read.",
                };
                return true;
            }

            if (!_events.TryTake(out taken, wait))
                return false;
        }

        if (taken.Kind != OperationEventKind.Warning)
            Interlocked.Decrement(ref _droppable);
        return true;
    }

    /// <summary>Frees the queue.</summary>
    public void Dispose() => _events.Dispose();

    internal void State(int? slot, string message) =>
        Add(new OperationEvent { Kind = OperationEventKind.State, Slot = slot, Message = message });

    internal void Warning(int? slot, string message) =>
        Add(new OperationEvent { Kind = OperationEventKind.Warning, Slot = slot, Message = message });

    internal void Command(string message) => Add(new OperationEvent { Kind = OperationEventKind.Command, Message = message });

    internal void Progress(int slot, long done, long total, TimeSpan elapsed) => Progress(
        new OperationEvent { Kind = OperationEventKind.Progress, Slot = slot, KeysDone = done, KeysTotal = total, Elapsed = elapsed });

    internal void Progress(OperationEvent progress) => Add(progress);

    private void Add(OperationEvent added)
    {
        if (added.Kind != OperationEventKind.Warning && Interlocked.Increment(ref _droppable) > MostDroppable)
        {
            Interlocked.Decrement(ref _droppable);
            Interlocked.Increment(ref _dropped);
            return;
        }

        _events.Add(added);
    }
}
