using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Commands;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console;

/// <summary>From the arguments to the exit status: the commands, and how every failure is told.</summary>
internal sealed class FrontDoor
{
    private readonly Screen _screen;
    private readonly RootCommand _root;

    public FrontDoor(Screen screen)
    {
        _screen = screen;
        _root = new RootCommand("Diagnoses stuck Redis Cluster slot migrations; completes, undoes, restarts or repairs them without losing a key.")
        {
            CheckCommand.Create(screen),
            NodesCommand.Create(screen),
            OpenSlotsCommand.Create(screen),
            StartCommand.Create(screen),
            CompleteCommand.Create(screen),
            UndoCommand.Create(screen),
            RestartCommand.Create(screen),
            RepairCommand.Create(screen),
            PlanCommand.Create(screen),
            MoveCommand.Create(screen),
            RebalanceCommand.Create(screen),
            MigrationsCommand.Create(screen),
            ResumeCommand.Create(screen),
            AlertsCommand.Create(screen),
            LinksCommand.Create(screen),
            MapCommand.Create(screen),
            ReportCommand.Create(screen),
            new Command("lab", "A disposable cluster on this machine to practise on.")
            {
                LabTourCommand.Create(screen, this),
                LabUpCommand.Create(screen),
                LabWedgeCommand.Create(screen),
                LabDownCommand.Create(screen),
            },
        };
    }

    public async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken stop)
    {
        // An argument that begins with '@' is no file of further arguments here.
        var parsed = _root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
            return await RefuseAsync(parsed);
        try
        {
            return await parsed.InvokeAsync(Configuration(), stop);
        }
        catch (RedisOperationException failure) when (failure.Code == FailureCode.InvalidConnectionString)
        {
            _screen.Failure(failure.Code.ToString(), failure.Message, null, parsed);
            _screen.Next(SameCommand.PathOf(parsed.CommandResult) + " --help");
            return ExitStatus.Usage;
        }
        catch (RedisOperationException failure)
        {
            _screen.Failure(failure.Code.ToString(), failure.Message, failure.NextStep, parsed);
            return ExitStatus.Of(failure);
        }
        catch (UsageException failure)
        {
            _screen.Failure("Usage", failure.Message, null, parsed);
            _screen.Next(failure.Next ?? SameCommand.PathOf(parsed.CommandResult) + " --help");
            return ExitStatus.Usage;
        }
        catch (LabException failure)
        {
            _screen.Failure("Lab", failure.Message, null, parsed);
            return ExitStatus.Usage;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _screen.Failure(nameof(FailureCode.Stopped), "Stopped on request.", null, parsed);
            _screen.Next(SameCommand.Of(parsed));
            return ExitStatus.Findings;
        }
        catch (Exception bug) when (bug is not OutOfMemoryException)
        {
            _screen.Failure("Unexpected", "This is a bug of rco; what follows is for its report. " + bug.Message, null, parsed);
            _screen.ErrWriter.WriteLine(bug);
            return ExitStatus.Findings;
        }
    }

    /// <summary>A parse error is one line, not a page of help.</summary>
    private async Task<int> RefuseAsync(ParseResult parsed)
    {
        var path = SameCommand.PathOf(parsed.CommandResult);
        var isGroup = parsed.CommandResult.Command.Subcommands.Count > 0;
        if (isGroup && parsed.UnmatchedTokens.Count == 0)
        {
            await _root.Parse([.. path.Split(' ').Skip(1), "--help"]).InvokeAsync(Configuration());
            return ExitStatus.Usage;
        }

        var messages = isGroup
            ? ["'" + parsed.UnmatchedTokens[0] + "' is no command of " + path + "."]
            : parsed.Errors.Select(error => error.Message).Distinct();
        var tokens = parsed.Tokens.Select(token => token.Value).Where(token => token.Length > 0).ToList();
        foreach (var message in messages)
            _screen.Failure("Usage", tokens.Aggregate(message, (shown, token) => shown.Replace(token, HiddenPassword.In(token), StringComparison.Ordinal)), null, null);
        _screen.Next(path + " --help");
        return ExitStatus.Usage;
    }

    // Ctrl+C is handled by Interruption: the library's own way would end the process two seconds after the first.
    private InvocationConfiguration Configuration() => new()
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null,
        Output = _screen.OutWriter,
        Error = _screen.ErrWriter,
    };
}
