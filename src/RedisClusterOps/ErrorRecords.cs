using System;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>Converts failures of the core to error records. The error id is the name of the failure's code, and never changes.</summary>
internal static class ErrorRecords
{
    // PowerShell 7.5 and later shows the recommended action below the message. Earlier versions don't, so the message includes it.
    private static readonly bool EngineShowsNextStep = typeof(PSObject).Assembly.GetName().Version >= new Version(7, 5);

    /// <summary>Creates the error record of a failure.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="subject">The slot or node to use as target if the failure has no subject.</param>
    public static ErrorRecord From(RedisOperationException failure, object? subject = null) =>
        new(failure, failure.Code.ToString(), CategoryOf(failure.Code), failure.Subject ?? subject)
        {
            ErrorDetails = new ErrorDetails(EngineShowsNextStep ? failure.Message : TextOf(failure))
            {
                RecommendedAction = failure.NextStep() ?? string.Empty,
            },
        };

    /// <summary>The message of a failure and its next action in one text.</summary>
    public static string TextOf(RedisOperationException failure) =>
        failure.NextStep() is { Length: > 0 } next ? failure.Message + " Next: " + next : failure.Message;

    public static RedisOperationException NoCluster() => new(
        FailureCode.NoCluster,
        "No cluster was named and none is connected in this session.",
        next: new NextAction(NextActionCode.Connect)
        {
            Node = "<host:port>",
            Or = new NextAction(NextActionCode.Advice) { Note = "name one with -Cluster <host:port>" },
        });

    private static ErrorCategory CategoryOf(FailureCode code) => code switch
    {
        FailureCode.NoCluster => ErrorCategory.ConnectionError,
        FailureCode.ConnectionFailed => ErrorCategory.ConnectionError,
        FailureCode.AuthenticationFailed => ErrorCategory.AuthenticationError,
        FailureCode.NotAClusterNode => ErrorCategory.InvalidArgument,
        FailureCode.ClusterViewConflict => ErrorCategory.InvalidResult,
        FailureCode.SlotNotOpen => ErrorCategory.InvalidOperation,
        FailureCode.SlotNotOwned => ErrorCategory.InvalidOperation,
        FailureCode.SlotStateUnsuitable => ErrorCategory.InvalidOperation,
        FailureCode.AmbiguousNode => ErrorCategory.InvalidArgument,
        FailureCode.KeyNotInSlot => ErrorCategory.InvalidArgument,
        FailureCode.NodeNotFound => ErrorCategory.ObjectNotFound,
        FailureCode.SourceNotEmpty => ErrorCategory.InvalidOperation,
        FailureCode.KeyExistsOnTarget => ErrorCategory.ResourceExists,
        FailureCode.KeyMoveTimedOut => ErrorCategory.OperationTimeout,
        FailureCode.TargetOutOfMemory => ErrorCategory.QuotaExceeded,
        FailureCode.TlsMismatch => ErrorCategory.ConnectionError,
        FailureCode.PermissionDenied => ErrorCategory.PermissionDenied,
        FailureCode.StalePlan => ErrorCategory.InvalidData,
        FailureCode.NodeUnreachable => ErrorCategory.ResourceUnavailable,
        FailureCode.JournalBusy => ErrorCategory.ResourceBusy,
        FailureCode.JournalUnavailable => ErrorCategory.ResourceUnavailable,
        FailureCode.MigrationNotFound => ErrorCategory.ObjectNotFound,
        FailureCode.AnotherToolAtWork => ErrorCategory.ResourceBusy,
        FailureCode.InvalidArgument => ErrorCategory.InvalidArgument,
        FailureCode.InvalidPlanFile => ErrorCategory.InvalidData,
        FailureCode.StateFileUnavailable => ErrorCategory.ResourceUnavailable,
        FailureCode.ReportNotWritten => ErrorCategory.WriteError,
        FailureCode.InvalidConnectionString => ErrorCategory.InvalidArgument,
        FailureCode.ProtocolError => ErrorCategory.ProtocolError,
        FailureCode.Stopped => ErrorCategory.OperationStopped,
        FailureCode.NodeBusy => ErrorCategory.ResourceBusy,
        FailureCode.NodeLoading => ErrorCategory.ResourceUnavailable,
        FailureCode.TooManyClients => ErrorCategory.LimitsExceeded,
        FailureCode.WritesRefused => ErrorCategory.WriteError,
        FailureCode.ReplyTooLarge => ErrorCategory.LimitsExceeded,
        FailureCode.KeyRefused => ErrorCategory.InvalidData,
        FailureCode.KeysMissing => ErrorCategory.InvalidResult,
        FailureCode.ModuleMissing => ErrorCategory.NotInstalled,
        FailureCode.NodeNotEmpty => ErrorCategory.ResourceExists,
        FailureCode.NodeUnsuitable => ErrorCategory.InvalidOperation,
        FailureCode.ChangeNotConfirmed => ErrorCategory.OperationTimeout,
        FailureCode.CommandRefused => ErrorCategory.InvalidOperation,
        _ => ErrorCategory.InvalidResult,
    };
}
