using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace RedisClusterOps.Lab.Commands;

/// <summary>Turns Ctrl+C, SIGTERM and SIGHUP into a cancellation. A second signal exits at once; the servers are ended even then.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _signals;
    private int _count;
    private bool _ignoresCtrlC;

    public Interruption() =>
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
        ];

    public CancellationToken Token => _stop.Token;

    /// <summary>128 plus the number of the first signal, as shells report it; null if there was no signal.</summary>
    public int? ExitStatus { get; private set; }

    /// <summary>Ignores Ctrl+C from now on: a child that shares the terminal handles it.</summary>
    public void LeaveCtrlCToChild() => _ignoresCtrlC = true;

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
        _stop.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (context.Signal == PosixSignal.SIGINT && _ignoresCtrlC)
            return;
        ExitStatus ??= context.Signal switch
        {
            PosixSignal.SIGHUP => 128 + 1,
            PosixSignal.SIGINT => 128 + 2,
            _ => 128 + 15,
        };
        // Environment.Exit still runs the handlers that end the servers, which the signal's own default would not.
        if (Interlocked.Increment(ref _count) > 1)
            Environment.Exit(ExitStatus.Value);
        _stop.Cancel();
    }
}
