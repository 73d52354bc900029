using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Commands;

/// <summary>The program's commands, from the arguments to the exit status. A failure is one line on standard error.</summary>
/// <remarks>
/// Exit status: 0 done; 1 failed; 2 refused, nothing was touched; 128 + n ended by signal n; for <c>shell</c>, the status of PowerShell.
/// </remarks>
internal sealed class LabCommandLine
{
    /// <summary>What a user types before the name of a command.</summary>
    public const string Invocation = "dotnet run --project src/RedisClusterOps.Lab -- ";

    private const int Failed = 1;
    private const int Refused = 2;
    private static readonly TimeSpan SlowSearch = TimeSpan.FromSeconds(3);

    private readonly RootCommand _root;

    public LabCommandLine(Interruption interruption, TextWriter output, TextWriter errors)
    {
        Interruption = interruption;
        Out = output;
        Errors = errors;
        _root = new RootCommand("Disposable Redis clusters on this machine, to try RedisClusterOps on.")
        {
            TourCommand.Create(this),
            UpCommand.Create(this),
            WedgeCommand.Create(this),
            ShellCommand.Create(this),
            DownCommand.Create(this),
        };
    }

    public Interruption Interruption { get; }

    public TextWriter Out { get; }

    public TextWriter Errors { get; }

    public async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var parsed = _root.Parse(arguments);
        if (parsed.Errors.Count > 0)
            return await RefuseAsync(parsed);
        try
        {
            return await parsed.InvokeAsync(Configuration(), Interruption.Token);
        }
        catch (Exception failure) when (Interruption.ExitStatus is { } status)
        {
            // A failure after the signal, such as a lost connection to an ended server, is a consequence of the signal.
            return Report(failure is OperationCanceledException ? "interrupted" : "interrupted: " + failure.Message, status);
        }
        catch (UsageException failure)
        {
            return Report(failure.Message, Refused);
        }
        catch (Exception failure) when (failure is LabException or RedisOperationException or IOException)
        {
            return Report(failure.Message, Failed);
        }
    }

    /// <summary>Gets the lab that <c>up</c> started.</summary>
    /// <exception cref="UsageException">No lab is running.</exception>
    public static LabRecord RunningLab() =>
        LabRecord.FindRunning() ?? throw new UsageException("No lab is running. Start one: " + Invocation + "up");

    /// <summary>Finds the server program of a lab. Writes a line to standard error if it has to be downloaded.</summary>
    public Task<ServerBinary> FindServerAsync(CancellationToken stop) =>
        ExplainIfSlowAsync(ServerBinary.FindAsync(stop), "no redis-server or valkey-server on PATH: getting Garnet as a .NET tool", stop);

    /// <summary>Finds PowerShell 7.4 or later. Writes a line to standard error if it has to be downloaded.</summary>
    public Task<PowerShellProgram> FindPowerShellAsync(CancellationToken stop) =>
        ExplainIfSlowAsync(PowerShellProgram.FindAsync(stop), "no pwsh 7.4 or later on PATH: getting PowerShell as a .NET tool", stop);

    /// <summary>Writes one object as a line of JSON.</summary>
    public void Json<T>(T line) => Out.WriteLine(JsonSerializer.Serialize(line));

    public static Option<bool> JsonOption() => new("--json") { Description = "Write one JSON object a line, for scripts." };

    /// <summary>An option that takes a whole number within bounds.</summary>
    public static Option<int> Number(string name, string description, int least, int most, int byDefault) => new(name)
    {
        Description = description,
        HelpName = "number",
        DefaultValueFactory = _ => byDefault,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (int.TryParse(text, out var number) && number >= least && number <= most)
                return number;
            var given = Printable.Clean(text, 60);
            result.AddError(name + " takes a whole number from " + least + " to " + most + ", not '" + given + "'.");
            return byDefault;
        },
    };

    private async Task<T> ExplainIfSlowAsync<T>(Task<T> search, string explanation, CancellationToken stop)
    {
        if (await Task.WhenAny(search, Task.Delay(SlowSearch, stop)) != search)
            Errors.WriteLine(explanation);
        return await search;
    }

    // An invalid command line gets one line of error, not a page of help. Without a command, the help is shown.
    private async Task<int> RefuseAsync(ParseResult parsed)
    {
        var path = parsed.CommandResult.Command == _root ? string.Empty : parsed.CommandResult.Command.Name + " ";
        if (path.Length == 0 && parsed.UnmatchedTokens.Count == 0)
        {
            await _root.Parse("--help").InvokeAsync(Configuration());
            return Refused;
        }

        var message = path.Length == 0
            ? "'" + Printable.Clean(parsed.UnmatchedTokens[0], 60) + "' is not a command."
            : string.Join(" ", parsed.Errors.Select(error => error.Message).Distinct());
        return Report(message + " Help: " + Invocation + path + "--help", Refused);
    }

    private int Report(string message, int status)
    {
        var lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Errors.WriteLine("error: " + string.Join(" ", lines));
        return status;
    }

    // Interruption handles signals. The library's own handling would end the process two seconds after the first signal.
    private InvocationConfiguration Configuration() => new()
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null,
        Output = Out,
        Error = Errors,
    };
}

/// <summary>The command can't run as it was given. Nothing was started or changed. The message names the next step.</summary>
internal sealed class UsageException(string message) : Exception(message);
