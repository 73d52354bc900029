using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation.Host;
using System.Management.Automation.Internal;
using System.Management.Automation.StandIn;

namespace System.Management.Automation.Internal
{
    public abstract class InternalCommand
    {
        internal Engine Engine { get; set; } = null!;
    }
}

namespace System.Management.Automation
{
    public abstract class Cmdlet : InternalCommand
    {
        public bool Stopping => Engine.IsStopping;

        public void WriteObject(object? sendToPipeline) => Engine.Write(sendToPipeline);

        public void WriteObject(object? sendToPipeline, bool enumerateCollection)
        {
            if (!enumerateCollection || sendToPipeline is not IEnumerable several)
            {
                WriteObject(sendToPipeline);
                return;
            }

            foreach (var item in several)
                WriteObject(item);
        }

        public void WriteError(ErrorRecord errorRecord) => Engine.Record(Engine.Errors, errorRecord);

        public void WriteWarning(string text) => Engine.Record(Engine.Warnings, text);

        public void WriteVerbose(string text) => Engine.Record(Engine.Verbose, text);

        public void WriteDebug(string text) => Engine.Record(Engine.Debug, text);

        public void WriteProgress(ProgressRecord progressRecord) => Engine.Record(Engine.Progress, progressRecord);

        public bool ShouldProcess(string target, string action) =>
            Engine.Ask("Performing the operation \"" + action + "\" on target \"" + target + "\".");

        public bool ShouldProcess(string verboseDescription, string verboseWarning, string caption) => Engine.Ask(verboseDescription);

        public void ThrowTerminatingError(ErrorRecord errorRecord)
        {
            Engine.TerminatingError = errorRecord;
            throw new PipelineStoppedException();
        }

        internal void Begin() => BeginProcessing();

        internal void Process() => ProcessRecord();

        internal void End() => EndProcessing();

        internal void Halt() => StopProcessing();

        protected virtual void BeginProcessing()
        {
        }

        protected virtual void ProcessRecord()
        {
        }

        protected virtual void EndProcessing()
        {
        }

        protected virtual void StopProcessing()
        {
        }
    }

    public abstract class PSCmdlet : Cmdlet
    {
        public InvocationInfo MyInvocation { get; } = new();

        public PSHost Host => Engine.Host;

        public object? GetVariableValue(string name) => Engine.Variables.TryGetValue(name, out var value) ? value : null;

        public string GetUnresolvedProviderPathFromPSPath(string path) => Path.GetFullPath(path);
    }

    public class InvocationInfo
    {
        public Dictionary<string, object> BoundParameters { get; } = new(StringComparer.OrdinalIgnoreCase);

        public int PipelinePosition { get; set; } = 1;

        public int PipelineLength { get; set; } = 1;
    }
}

namespace System.Management.Automation.Host
{
    public class PSHost
    {
        public PSHostUserInterface UI { get; } = new();
    }

    public class PSHostUserInterface
    {
        public List<string> Warnings { get; } = [];

        public void WriteWarningLine(string message) => Warnings.Add(message);

        public bool SupportsVirtualTerminal { get; set; }

        public PSHostRawUserInterface RawUI { get; } = new();
    }

    public class PSHostRawUserInterface
    {
        /// <summary>Columns of the screen; null for a host without one.</summary>
        public int? Columns { get; set; }

        public Size WindowSize => new(Columns ?? throw new HostException(), 40);
    }

    public struct Size(int width, int height)
    {
        public int Width { get; set; } = width;

        public int Height { get; set; } = height;
    }

    public class HostException : Exception
    {
    }
}

namespace System.Management.Automation.Runspaces
{
    public class Runspace
    {
        [ThreadStatic]
        private static Runspace? s_default;

        public static Runspace? DefaultRunspace
        {
            get => s_default;
            set => s_default = value;
        }
    }
}
