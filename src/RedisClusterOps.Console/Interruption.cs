using System;
using System.Runtime.InteropServices;
using System.Threading;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console;

/// <summary>Ctrl+C and its kin: the first asks to stop in good order, the second ends at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly Screen _screen;
    private int _count;

    public Interruption(Screen screen)
    {
        _screen = screen;
        // A closed terminal (SIGHUP) and a service manager (SIGTERM) deserve the same good order as a person.
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
        ];
    }

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
        _stop.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) > 1)
        {
            _screen.ShowCursor();
            // Unlike the signal's own default this lets a lab end its servers, which takes no time.
            Environment.Exit(ExitStatus.Interrupted);
        }

        _screen.Note("stopping in good order; once more ends at once");
        _stop.Cancel();
    }
}
