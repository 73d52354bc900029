using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps;

/// <summary>
/// The base of every cmdlet. It starts a step of the core, waits for it on the pipeline thread, writes the step's events meanwhile, and
/// turns failures into error records.
/// </summary>
public abstract class RedisCmdlet : PSCmdlet, IDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);
    private readonly CancellationTokenSource _stop = new();
    private (RedisClusterSession Session, RedisCluster Cluster)? _open;
    private OperationLog? _log;
    private readonly SlotFailures _failed = new();
    private string? _reportedStop;

    /// <summary>Closes the connections of this invocation.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Signalled when the user or a later cmdlet of the pipeline stops this one.</summary>
    internal CancellationToken Stop => _stop.Token;

    /// <summary>Processes one record of the pipeline.</summary>
    internal abstract void Run();

    /// <summary>Does the remaining work after the last record.</summary>
    internal virtual void Finish()
    {
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Guard(Run);

    /// <inheritdoc/>
    protected sealed override void EndProcessing()
    {
        Guard(Finish);
        WriteFailures();
    }

    /// <summary>Only signals; the pipeline thread ends the current step.</summary>
    protected sealed override void StopProcessing() => _stop.Cancel();

    /// <summary>Closes the connections of this invocation.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        Close();
        _log?.Dispose();
        _log = null;
        _stop.Dispose();
    }

    /// <summary>
    /// Opens a cluster for this invocation. All records with the same session share it. Only one is open at a time, because it may hold
    /// the cluster's lock.
    /// </summary>
    internal RedisCluster Open(RedisClusterSession session)
    {
        _log ??= new OperationLog { Commands = IsDebugRequested() };
        if (_open is { } open && Equals(open.Session, session))
            return open.Cluster;
        Close();
        var cluster = new RedisCluster(session, _log) { NextActionText = NextActionText.Of };
        _open = (session, cluster);
        return cluster;
    }

    /// <summary>
    /// Closes the cluster and releases its lock: a later cmdlet of the pipeline may need the lock to process this one's output.
    /// </summary>
    internal void Close()
    {
        _open?.Cluster.Dispose();
        _open = null;
    }

    /// <summary>Writes each notice to the warning stream or the verbose stream.</summary>
    internal void WriteNotices(IEnumerable<(bool IsWarning, string Text)> notices)
    {
        foreach (var (isWarning, text) in notices)
        {
            if (isWarning)
                WriteWarning(text);
            else
                WriteVerbose(text);
        }
    }

    /// <summary>
    /// Reports a failure of one slot: after the last record, as one error with those of the same cause, or at once if an error ends the
    /// pipeline.
    /// </summary>
    internal void Fail(int slot, RedisOperationException failure)
    {
        _failed.Add(slot, failure);
        var preference = MyInvocation.BoundParameters.TryGetValue("ErrorAction", out var bound)
            ? bound
            : GetVariableValue("ErrorActionPreference");
        if (preference is ActionPreference.Stop or "Stop")
            WriteFailures();
    }

    private void WriteFailures()
    {
        foreach (var record in _failed.Take())
            WriteError(record);
    }

    /// <summary>Shows a text on the screen like Write-Host. It is no output.</summary>
    internal void WriteHost(string text) => WriteInformation(new HostInformationMessage { Message = text }, ["PSHOST"]);

    /// <summary>Resolves a path of PowerShell to one of the file system; null if it is null.</summary>
    internal string? FilePath(string? path) => path is null ? null : GetUnresolvedProviderPathFromPSPath(path);

    /// <summary>Waits for a step, and writes its events meanwhile.</summary>
    internal T Await<T>(Task<T> step, string activity) => Await(step, NewProgress(activity), endsProgress: true);

    /// <summary>Creates the progress of several steps that are shown as one; the caller ends it.</summary>
    internal SlotProgress NewProgress(string activity) => new(activity, WriteProgress);

    /// <summary>Ends the progress. After a stop nothing may be written, and the host removes the progress bar itself.</summary>
    internal void End(SlotProgress progress)
    {
        if (!Stop.IsCancellationRequested)
            progress.End();
    }

    /// <summary>Waits for one of several steps.</summary>
    internal T Await<T>(Task<T> step, SlotProgress progress) => Await(step, progress, endsProgress: false);

    private T Await<T>(Task<T> step, SlotProgress progress, bool endsProgress)
    {
        try
        {
            while (!((IAsyncResult)step).AsyncWaitHandle.WaitOne(PollInterval))
                WriteEvents(progress);
            WriteEvents(progress);
            if (endsProgress)
                End(progress);
        }
        catch (Exception)
        {
            // A write fails when the pipeline is stopped or a preference variable makes it fail. The step must not continue unobserved.
            // It is stopped, may finish its current batch, and its result, which reaches no caller, is handled here.
            _stop.Cancel();
            ((IAsyncResult)step).AsyncWaitHandle.WaitOne();
            if (step.Status != TaskStatus.RanToCompletion)
                ReportStop(step.Exception?.InnerException as RedisOperationException);
            else if (step.GetAwaiter().GetResult() is SlotMoveRun started)
                StopAndWait(started);
            else
                ReportStop(FailureIn(step.GetAwaiter().GetResult()));
            throw;
        }

        return step.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Stops a run and waits for its end. Ctrl+C, <c>Select-Object -First</c> and <c>-ErrorAction Stop</c> all end the pipeline while slots
    /// are open. The run leaves each slot in a known state before the connections close.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="pending">Outcomes that the caller has not taken yet; null for none.</param>
    internal void StopAndWait(SlotMoveRun run, Task<IReadOnlyList<SlotOutcome>?>? pending = null)
    {
        _stop.Cancel();
        try
        {
            RedisOperationException? stopped = null;
            for (var step = pending ?? run.NextAsync(); Waited(step) is { } outcomes; step = run.NextAsync())
                stopped ??= StopIn(outcomes);
            ReportStop(run.EndedEarly ?? stopped);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // The pipeline keeps the exception that ended it first.
        }

        static IReadOnlyList<SlotOutcome>? Waited(Task<IReadOnlyList<SlotOutcome>?> step)
        {
            ((IAsyncResult)step).AsyncWaitHandle.WaitOne();
            return step.GetAwaiter().GetResult();
        }
    }

    /// <summary>
    /// Ends the pipeline with a failure. The caller throws the return value, because the compiler can't know that this never returns.
    /// </summary>
    internal Exception Terminate(RedisOperationException failure, object? subject = null)
    {
        ThrowTerminatingError(ErrorRecords.From(failure, subject));
        return failure;
    }

    /// <summary>
    /// Reports the unfinished work of a stop to the host, because the pipeline takes no output then. The same text is written once.
    /// </summary>
    internal void ReportStop(RedisOperationException? failure)
    {
        if (failure is not { Code: FailureCode.Stopped } || ErrorRecords.TextOf(failure) is not { } text || text == _reportedStop)
            return;
        _reportedStop = text;
        try
        {
            Host?.UI?.WriteWarningLine(text);
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            // A host without a screen may fail. The slot's state can still be read from the cluster.
        }
    }

    // The failure in a step's result. All stopped outcomes of a run have the same text.
    // The outcomes of a run are reported as one, when it has ended (StopAndWait).
    private static RedisOperationException? FailureIn(object? result) => result switch
    {
        SlotOutcome outcome => outcome.Failure,
        KeyMoveOutcome outcome => outcome.Failure,
        _ => null,
    };

    private static RedisOperationException? StopIn(IReadOnlyList<SlotOutcome> outcomes) =>
        outcomes.Select(outcome => outcome.Failure).FirstOrDefault(failure => failure is { Code: FailureCode.Stopped });

    private void Guard(Action run)
    {
        try
        {
            run();
        }
        catch (RedisOperationException failure)
        {
            ReportStop(failure);
            WriteFailures();
            throw Terminate(failure);
        }
        catch (Exception unasked) when (unasked is PSInvalidOperationException or HostException)
        {
            // The host refuses to prompt. Its own error does not say how to give consent.
            throw Terminate(new RedisOperationException(
                FailureCode.ConsentUnavailable,
                "This step needs consent, and this PowerShell can't ask: " + unasked.Message.TrimEnd('.') + ". Nothing was changed by it.",
                null,
                new NextAction(NextActionCode.Advice) { Note = "the same command with -WhatIf to see its steps, or with -Confirm:$false" },
                unasked));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    private void WriteEvents(SlotProgress progress)
    {
        while (_log is not null && _log.TryTake(out var taken, TimeSpan.Zero) && taken is not null)
        {
            switch (taken.Kind)
            {
                case OperationEventKind.State:
                    WriteVerbose(taken.Message);
                    break;
                case OperationEventKind.Warning:
                    WriteWarning(taken.Message);
                    break;
                case OperationEventKind.Command:
                    WriteDebug(taken.Message);
                    break;
                case OperationEventKind.Progress:
                    progress.Show(taken);
                    break;
            }
        }
    }

    // A debug record per command slows down a big move, so the core produces them only on request.
    private bool IsDebugRequested() =>
        MyInvocation.BoundParameters.TryGetValue("Debug", out var asked) && asked is SwitchParameter given
            ? given.IsPresent
            : GetVariableValue("DebugPreference")?.ToString() is { } preference
                && preference is not (nameof(ActionPreference.SilentlyContinue) or nameof(ActionPreference.Ignore));
}
