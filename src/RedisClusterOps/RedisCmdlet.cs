using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps;

/// <summary>
/// What every cmdlet of the module shares: it starts a step of the core, waits for it on its own pipeline thread, writes what the step
/// reports meanwhile, and turns failures into error records.
/// </summary>
public abstract class RedisCmdlet : PSCmdlet, IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);
    private readonly CancellationTokenSource _stop = new();
    private (RedisClusterSession Session, RedisCluster Cluster)? _open;
    private OperationLog? _log;
    private string? _toldOfStop;

    /// <summary>Closes the connections of this invocation.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Signalled when the user, or a later cmdlet of the pipeline, asks to stop.</summary>
    internal CancellationToken Stop => _stop.Token;

    /// <summary>One record of the pipeline.</summary>
    internal abstract void Run();

    /// <summary>What is left to do after the last record.</summary>
    internal virtual void Finish()
    {
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Guard(Run);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Guard(Finish);

    /// <summary>Only signals; the pipeline thread ends the step in hand.</summary>
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

    /// <summary>This invocation's hold on a cluster; the same one for every record that names the same session, and one at a time, for it may hold the cluster's lock.</summary>
    internal RedisCluster Open(RedisClusterSession session)
    {
        _log ??= new OperationLog { Commands = DebugIsAsked() };
        if (_open is { } open && Equals(open.Session, session))
            return open.Cluster;
        Close();
        var cluster = new RedisCluster(session, _log) { NextActionText = NextActionText.Of };
        _open = (session, cluster);
        return cluster;
    }

    /// <summary>Lets go of the cluster, and so of its lock: a later cmdlet of the pipeline may want to go on with what this one writes.</summary>
    internal void Close()
    {
        _open?.Cluster.Dispose();
        _open = null;
    }

    /// <summary>Waits for a step, and writes its events meanwhile.</summary>
    internal T Await<T>(Task<T> step, string activity) => Await(step, NewProgress(activity), endsProgress: true);

    /// <summary>The progress of several steps that a person sees as one; the caller ends it.</summary>
    internal SlotProgress NewProgress(string activity) => new(activity, WriteProgress);

    /// <summary>Ends it. Nothing may be written after a stop; the host then removes the progress from the screen.</summary>
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
            while (!((IAsyncResult)step).AsyncWaitHandle.WaitOne(LookInterval))
                WriteEvents(progress);
            WriteEvents(progress);
            if (endsProgress)
                End(progress);
        }
        catch (Exception)
        {
            // Writing fails when the pipeline is stopped or a preference says so. The step must not continue unobserved: it is stopped,
            // may finish the batch in hand, and its result, which reaches no caller, is settled here.
            _stop.Cancel();
            ((IAsyncResult)step).AsyncWaitHandle.WaitOne();
            if (step.Status != TaskStatus.RanToCompletion)
                TellOfStop(step.Exception?.InnerException as RedisOperationException);
            else if (step.GetAwaiter().GetResult() is SlotMoveRun started)
                WindDown(started);
            else
                TellOfStop(FailureIn(step.GetAwaiter().GetResult()));
            throw;
        }

        return step.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Stops a run and waits for its end. Ctrl+C, <c>Select-Object -First</c> and a preference that turns an error into a terminating one all end the
    /// pipeline while slots are open. The run leaves each of them in a named state before the connections close.
    /// </summary>
    internal void WindDown(SlotMoveRun run)
    {
        _stop.Cancel();
        try
        {
            RedisOperationException? stopped = null;
            while (Waited(run.NextAsync()) is { } outcomes)
                stopped ??= outcomes.Select(outcome => outcome.Failure).FirstOrDefault(failure => failure is { Code: FailureCode.Stopped });
            TellOfStop(stopped);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // The pipeline ends by what ended it first.
        }

        static IReadOnlyList<SlotOutcome>? Waited(Task<IReadOnlyList<SlotOutcome>?> step)
        {
            ((IAsyncResult)step).AsyncWaitHandle.WaitOne();
            return step.GetAwaiter().GetResult();
        }
    }

    /// <summary>Ends the pipeline with a failure. To be thrown: the compiler, and a reference assembly without a body, can't know that it does not return.</summary>
    internal Exception Terminate(RedisOperationException failure, object? subject = null)
    {
        ThrowTerminatingError(ErrorRecords.From(failure, subject));
        return failure;
    }

    /// <summary>Writes what a stop left unfinished to the host itself, because nothing reaches the pipeline after a stop. The same text is written once.</summary>
    internal void TellOfStop(RedisOperationException? failure)
    {
        if (failure is not { Code: FailureCode.Stopped } || ErrorRecords.TextOf(failure) is not { } text || text == _toldOfStop)
            return;
        _toldOfStop = text;
        try
        {
            Host?.UI?.WriteWarningLine(text);
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            // A host without a screen may refuse; the slot's state is on the cluster for all to read.
        }
    }

    // Of a run's outcomes the one that says what the stop left: it is the same for all of them.
    private static RedisOperationException? FailureIn(object? result) => result switch
    {
        SlotOutcome outcome => outcome.Failure,
        KeyMoveOutcome outcome => outcome.Failure,
        IReadOnlyList<SlotOutcome> outcomes => outcomes.Select(outcome => outcome.Failure).FirstOrDefault(failure => failure is { Code: FailureCode.Stopped }),
        _ => null,
    };

    private void Guard(Action run)
    {
        try
        {
            run();
        }
        catch (RedisOperationException failure)
        {
            TellOfStop(failure);
            throw Terminate(failure);
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

    // Every command as a debug record is a burden on a big move; so the core is told whether anyone looks.
    private bool DebugIsAsked() =>
        MyInvocation.BoundParameters.TryGetValue("Debug", out var asked) && asked is SwitchParameter given
            ? given.IsPresent
            : GetVariableValue("DebugPreference")?.ToString() is { } preference
                && preference is not (nameof(ActionPreference.SilentlyContinue) or nameof(ActionPreference.Ignore));
}
