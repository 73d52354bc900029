using System.Collections.Generic;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;

namespace System.Management.Automation.StandIn;

/// <summary>Runs one cmdlet over its input and keeps everything it wrote. One engine is one invocation; a runspace may be shared by several.</summary>
public sealed class Engine
{
    private volatile bool _stopping;
    private volatile Cmdlet? _running;

    public List<object?> Output { get; } = [];

    public List<ErrorRecord> Errors { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<string> Verbose { get; } = [];

    public List<string> Debug { get; } = [];

    public List<ProgressRecord> Progress { get; } = [];

    /// <summary>What the cmdlet asked consent for, in full.</summary>
    public List<string> Questions { get; } = [];

    public ErrorRecord? TerminatingError { get; internal set; }

    /// <summary>True once a stop, a later cmdlet or a terminating error ended the pipeline.</summary>
    public bool WasStopped { get; private set; }

    public PSHost Host { get; } = new();

    public Runspace Runspace { get; init; } = new();

    public Dictionary<string, object?> Variables { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The answer to ShouldProcess; false is what -WhatIf answers.</summary>
    public Func<string, bool> Consent { get; init; } = _ => true;

    /// <summary>Stops the pipeline after so many objects, as <c>Select-Object -First</c> does.</summary>
    public int? TakeFirst { get; init; }

    /// <summary>Called for each object as it is written.</summary>
    public Action<object?>? OnOutput { get; init; }

    /// <summary>Called for each verbose line as it is written.</summary>
    public Action<string>? OnVerbose { get; init; }

    internal bool IsStopping => _stopping;

    /// <summary>Binds, runs and disposes the cmdlet. Binding failures of an input object become errors, all others are thrown.</summary>
    /// <param name="cmdletType">The cmdlet's class.</param>
    /// <param name="parameters">Parameters by name; a switch takes a bool.</param>
    /// <param name="input">Pipeline input; null for none.</param>
    public Engine Run(Type cmdletType, IReadOnlyDictionary<string, object?>? parameters = null, IEnumerable<object?>? input = null)
    {
        var previous = Runspace.DefaultRunspace;
        Runspace.DefaultRunspace = Runspace;
        var cmdlet = (Cmdlet)Activator.CreateInstance(cmdletType)!;
        cmdlet.Engine = this;
        _running = cmdlet;
        try
        {
            var binder = new Binder(cmdlet);
            binder.BindNamed(parameters ?? new Dictionary<string, object?>());
            cmdlet.Begin();
            if (input is null)
            {
                binder.RequireMandatory();
                cmdlet.Process();
            }
            else
            {
                foreach (var item in input)
                    ProcessOne(cmdlet, binder, item);
            }

            cmdlet.End();
        }
        catch (PipelineStoppedException)
        {
            WasStopped = true;
        }
        finally
        {
            _running = null;
            (cmdlet as IDisposable)?.Dispose();
            Runspace.DefaultRunspace = previous;
        }

        return this;
    }

    /// <summary>Asks the running cmdlet to stop, from whatever thread.</summary>
    public void Stop()
    {
        _stopping = true;
        _running?.Halt();
    }

    internal void Write(object? item)
    {
        Record(Output, item);
        OnOutput?.Invoke(item);
        if (Output.Count == TakeFirst)
            throw new PipelineStoppedException();
    }

    internal void Record<T>(List<T> stream, T item)
    {
        if (_stopping)
            throw new PipelineStoppedException();
        stream.Add(item);
        if (ReferenceEquals(stream, Verbose))
            OnVerbose?.Invoke((string)(object)item!);
    }

    internal bool Ask(string question)
    {
        Record(Questions, question);
        return Consent(question);
    }

    private void ProcessOne(Cmdlet cmdlet, Binder binder, object? item)
    {
        try
        {
            binder.BindInput(item);
            binder.RequireMandatory();
        }
        catch (ParameterBindingException e)
        {
            Errors.Add(new ErrorRecord(e, e.ErrorId, ErrorCategory.InvalidArgument, item));
            return;
        }

        cmdlet.Process();
    }
}
