using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Time that passes only while the caller waits, with scheduled events in order.</summary>
internal sealed class SimulatedClock : IClock
{
    private readonly PriorityQueue<Action, (TimeSpan At, long Number)> _events = new();
    private long _number;

    public TimeSpan Now { get; private set; }

    public DateTime UtcNow => new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc) + Now;

    public void After(TimeSpan wait, Action run) => _events.Enqueue(run, (Now + wait, _number++));

    public void Pass(TimeSpan time)
    {
        var until = Now + time;
        while (_events.TryPeek(out var run, out var due) && due.At <= until)
        {
            _events.Dequeue();
            Now = due.At > Now ? due.At : Now;
            run();
        }

        Now = until;
    }

    public Task PauseAsync(TimeSpan pause, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Pass(pause);
        return Task.CompletedTask;
    }
}
